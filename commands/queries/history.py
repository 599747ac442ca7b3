"""`ferry queries runs` and `ferry queries rows`: how runs went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click

from commands.options import json_option, var_option
from configuration import settings
from ops.errors import Failed
from ops.ledger import ledger
from ops.output import complain, console, echo, echo_file, print_json, table
from ops.queries import actions, people
from ops.queries.documents import run_documents
from ops.queries.view import runs_view
from queues.clock import now_ms
from queues.queries import records
from queues.snapshots import orders, outcomes
from queues.snapshots.orders import Counts
from snapshots.rejected_rows import rejected_csv
from text.escaping import visible
from text.wording import number, some

_KINDS: Final = ("rejected", *people.ACTIONS)


@click.command()
@click.argument("name", required=False)
@json_option
@var_option
def runs(name: str | None, as_json: bool) -> None:
    """List the runs of a query, or of all, newest first, with their counts.

    Ferry keeps the last 100 of a query, for 30 days.

    \b
    Examples:
      ferry queries runs
      ferry queries runs vips --json
    """
    known = settings.load()
    chosen = [actions.chosen(known.queries, name)] if name else known.queries
    with ledger(known) as redis:
        newest = records.newest(redis, [query.name for query in chosen], records.RUNS)
        found = [run for runs_of_one in newest.values() for run in runs_of_one]
        documents = run_documents(redis, sorted(found, key=lambda run: run.since, reverse=True))
    if as_json:
        print_json(documents)
    else:
        console().print(runs_view(documents, now_ms()))


@click.command()
@click.argument("run")
@click.option("--kind", type=click.Choice(_KINDS), default="rejected", show_default=True, help="Which rows or people.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, for a spreadsheet.")
@click.option("--personal-data", is_flag=True, help="Print whole addresses and numbers.")
@json_option
@var_option
def rows(run: str, kind: str, as_csv: bool, personal_data: bool, as_json: bool) -> None:
    """Show the rows of a run that cannot be sent, or the people whom it changed.

    Rejected rows have numbers from 1, in the order of the result; ORDER BY keeps that order. Added and changed people
    are found on the list as it is now; those who are not on it any more have no name. Ferry stores no data of the rows,
    and at most 10,000 numbers for each reason and, for 7 days, 10,000 people of a kind.

    \b
    Examples:
      ferry queries rows vips-20261201T063000Z
      ferry queries rows vips-20261201T063000Z --csv > rejected.csv
      ferry queries rows vips-20261201T063000Z --kind added --personal-data
    """
    with ledger(settings.load()) as redis:
        found = records.run(redis, run)
        record = orders.record(redis, found.snapshot) if found and found.snapshot else None
        if record is None or record.counts is None:
            raise Failed(f"run {run} is not known, or its rows were not compared yet: ferry queries runs")
        if kind == "rejected":
            rejected = outcomes.rejected(redis, record.order.snapshot)
            _show_rejected(record.counts, rejected, as_csv, as_json)
            return
        changed = people.named(redis, record, people.kept_people(redis, record, kind))
    everybody = people.total(record, kind)
    shown = [(each.name(personal=personal_data), each.attributes) for each in changed]
    if as_json:
        print_json({"total": everybody, "people": [{"person": name, "attributes": names} for name, names in shown]})
    elif as_csv:
        echo_file(people.people_csv(changed, personal=personal_data))
    else:
        made = table("Person", "Attributes")
        for name, names in shown:
            made.add_row(visible(name) or "(not on the list)", visible(", ".join(names)))
        console().print(made)
    if missing := people.missing(len(changed), everybody):
        complain(missing)


def _show_rejected(counts: Counts, rejected: Mapping[str, list[int]], as_csv: bool, as_json: bool) -> None:
    if as_json:
        print_json(rejected)
    elif as_csv:
        echo_file(rejected_csv(counts, rejected).encode())
    elif not rejected:
        echo("All rows can be sent.")
    for reason, numbers in () if as_csv else rejected.items():
        echo(f"{reason}: row {some([number(each) for each in numbers], 20)}")
