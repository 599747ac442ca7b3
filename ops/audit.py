"""`ferry audit`: who did what to the queues."""

from __future__ import annotations

import getpass
import os

import click

import settings
from ops.ledger import ledger
from ops.options import json_option, var_option
from ops.output import console, print_json, table
from ops.wording import moment, number
from queues import audit as ledger_of_acts
from queues.audit import Entry


@click.command()
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, ledger_of_acts.KEPT), help="How many.")
@json_option
@var_option
def audit(limit: int, as_json: bool) -> None:
    """Show who did what, newest first.

    What was done in a browser (web), over the API (api) and by these commands (cli), without anything of the persons
    it was about. About the last 10,000 acts are kept.
    """
    with ledger(settings.load()) as redis:
        found = ledger_of_acts.read(redis, limit)
    if as_json:
        print_json([document(entry) for entry in found])
        return
    made = table("When", "Who", "What", "On", "Outcome")
    for entry in found:
        counts = ", ".join(f"{number(count)} {name}" for name, count in entry.counts.items())
        outcome = f"{entry.outcome}: {counts}" if counts else entry.outcome
        made.add_row(moment(entry.at), entry.who, entry.what, entry.on, outcome)
    console().print(made)


def document(entry: Entry) -> dict[str, object]:
    """An entry, for programs."""
    return {
        "id": entry.id,
        "at": moment(entry.at),
        "who": entry.who,
        "what": entry.what,
        "on": entry.on,
        "outcome": entry.outcome,
        "counts": entry.counts,
    }


def by() -> str:
    """Who calls a command, as the audit names them: `cli:<os user>`."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # in a container the user need not have a name
        return f"cli:{os.getuid()}"
