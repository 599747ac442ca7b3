"""`ferry audit`: show the audit log."""

from __future__ import annotations

import click

from commands.options import json_option, var_option
from ops.audit_format import counted
from ops.client.installation import installation
from ops.output import console, print_json, table
from queues.audit import KEPT
from text.escaping import visible


@click.command()
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, KEPT), help="Number of entries.")
@json_option
@var_option
def audit(limit: int, as_json: bool) -> None:
    """Show the audit log, newest first.

    Lists actions taken in the console (web), over the API (api) and with these commands (cli), without personal data.
    Ferry keeps about the last 10,000.

    \b
    Examples:
      ferry audit --limit 200
      ferry audit --json
    """
    with installation() as ferry:
        found = ferry.audit(limit)
    if as_json:
        print_json(found)
        return
    made = table("When", "Who", "Action", "On", "Outcome")
    for entry in found:
        counts = counted(entry.counts)
        outcome = f"{entry.outcome}: {counts}" if counts else entry.outcome
        made.add_row(*map(visible, (entry.at, entry.who, entry.what, entry.on, outcome)))
    console().print(made)
