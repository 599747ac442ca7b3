"""`ferry syncs`: list the snapshots and their results.

The table fits into 80 columns; errors, remarks and ids of snapshots are below it or in the JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
import msgspec
from redis import Redis
from rich.console import Group, RenderableType
from rich.text import Text

from commands.options import json_option, var_option
from configuration import settings
from configuration.connections import DEFAULT
from ops.errors import Failed
from ops.ledger import ledger
from ops.output import console, print_json, table
from ops.sync.view import is_planned, remarks
from ops.targets import find_audience
from queues.census import meant, rows
from queues.clock import now_ms
from queues.names import Queue
from queues.snapshots import orders, outcomes
from queues.snapshots.orders import Counts, Record
from queues.snapshots.outcomes import is_carried_out
from text.escaping import visible
from text.wording import duration, moment, number, plural


@click.command()
@click.argument("audience", required=False)
@click.option("--campaign", metavar="NAME", help="Only snapshots of this campaign.")
@json_option
@var_option
def syncs(audience: str | None, campaign: str | None, as_json: bool) -> None:
    """List snapshots, newest first, with their counts.

    Lists the snapshots of AUDIENCE (its id or name), or of all audiences, and for each campaign the sum of its groups'
    newest snapshots. Ferry keeps the last 100 of an audience, for 30 days.

    \b
    Examples:
      ferry syncs
      ferry syncs VIPs --json
      ferry syncs --campaign Spring
    """
    with ledger(settings.load()) as redis:
        names = _of_all(redis) if audience is None else _of_one(redis, audience)
        found = outcomes.recent(redis, [Queue.parse(name) for name in names])
    found = [record for record in found if campaign in (None, record.order.campaign)]
    if as_json:
        print_json([document(record) for record in found])
    else:
        console().print(listing(found, names, now_ms()))


def _of_all(redis: Redis) -> dict[str, str]:
    """Return the names of the audiences that had snapshots, by the queue of their snapshots."""
    return {row.queue: row.name for row in rows(redis) if row.kind == orders.KIND}


def _of_one(redis: Redis, audience: str) -> dict[str, str]:
    found = meant(redis, audience)
    queue = find_audience(audience, found, None)
    if queue is None:
        raise Failed(f"there is no audience {audience!r}; `ferry status` lists the audiences")
    wanted = orders.queue_of(queue.connection, queue.target)
    return {str(wanted): next((each.name for each in found if each.queue in (wanted, queue) and each.name), "")}


_NUMBERS = ("People", "Added", "Updated", "Removed", "Rejected")
#: The counts that are summed over a campaign's groups.
_SUMMED = ("customers", "people", "expansion", "adds", "updates", "removals", "unchanged", "kept", "newer")


def document(record: Record) -> dict[str, Any]:
    """Return a record for programs, with times in ISO 8601."""
    fields: dict[str, Any] = msgspec.to_builtins(record)
    order = fields.pop("order")
    queue = Queue.parse(record.queue)
    return {
        "snapshot": record.order.snapshot,
        "audience": f"{queue.connection}/audience/{queue.target}",
        **fields,
        "since": moment(record.since),
        "ended": moment(record.ended),
        "at": moment(record.order.at),
        "order": {name: order.get(name) for name in ("format", "name", "list_name", "campaign", "group")},
    }


def listing(records: Sequence[Record], names: Mapping[str, str], now: int) -> RenderableType:
    """Return the records, their errors and remarks, and a line for each campaign.

    `names`: the names of the audiences, by the queue of their snapshots.
    """
    if not records:
        return Text("No snapshots.")
    made = table("When", "Audience", "State", *_NUMBERS, right=_NUMBERS)
    for record in records:
        made.add_row(
            _ago(record, now),
            _two(_who(record, names), _id(record)),
            record.state,
            *_cells(record),
        )
    return Group(made, *(Text(line) for line in (*_below(records, now), *campaigns(records))))


def _id(record: Record) -> str:
    """Return the audience's id, with its connection unless that is the default one."""
    queue = Queue.parse(record.queue)
    return visible(queue.target if queue.connection == DEFAULT else f"{queue.connection}/{queue.target}")


def _ago(record: Record, now: int) -> str:
    return f"{duration(now - record.since)} ago"


def _below(records: Sequence[Record], now: int) -> Iterator[str]:
    """Yield the error and the remarks of each record that has some."""
    for record in records:
        if said := [*filter(None, [visible(record.error)]), *remarks(record)]:
            named = f"{_id(record)}, snapshot {record.order.snapshot}"
            yield f"\n{record.state} {_ago(record, now)} of {named}: {'. '.join(said)}"


def _who(record: Record, names: Mapping[str, str]) -> str:
    order = record.order
    named = " / ".join(filter(None, (order.campaign, order.group))) or names.get(record.queue)
    return visible(named) if named else "(no name)"


def _cells(record: Record) -> list[str]:
    """Return the figures; none of changes that were not carried out, which the remarks name."""
    counts = record.counts
    if counts is None:
        return ["-"] * len(_NUMBERS)
    done = not is_planned(record.state, record.outcomes)
    changes = (number(each) if done else "-" for each in (counts.adds, counts.updates, counts.removals))
    return [number(counts.people), *changes, number(counts.rejected)]


def campaigns(records: Sequence[Record]) -> Iterator[str]:
    """Yield a line per campaign: the sum of its groups' newest snapshots that were carried out.

    `records`: newest first.
    """
    newest: dict[str, dict[str, Counts]] = {}
    for record in records:
        if record.order.campaign and is_carried_out(record) and record.counts:
            newest.setdefault(record.order.campaign, {}).setdefault(record.queue, record.counts)
    for name, groups in newest.items():
        sums = {each: sum(getattr(counts, each) for counts in groups.values()) for each in _SUMMED}
        rejected = sum(counts.rejected for counts in groups.values())
        counted = ", ".join(f"{number(total)} {each}" for each, total in sums.items() if total)
        yield f"\n{visible(name)}: {plural(len(groups), 'list')}; {counted or 'nobody'}; {number(rejected)} rejected."


def _two(first: str, second: str) -> Text:
    return Text.assemble(first, ("\n" + second, "dim"))
