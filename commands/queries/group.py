"""`ferry queries`: the queries that Ferry runs itself."""

from __future__ import annotations

import click

from commands.main import UrlAwareGroup
from commands.options import json_option, var_option
from commands.queries.acting import cancel, pause, resume, run
from commands.queries.checking import check, preview
from commands.queries.history import rows, runs
from configuration import settings
from ops.ledger import ledger
from ops.output import console, print_json
from ops.queries.documents import query_documents
from ops.queries.view import queries_view
from queues.clock import now_ms


@click.group(cls=UrlAwareGroup, invoke_without_command=True)
@json_option
@var_option
@click.pass_context
def queries(context: click.Context, as_json: bool) -> None:
    """Run queries of your database on a schedule.

    A query of connections.toml says who should be on a list. Ferry runs it at its times, reads the whole result, and
    makes the list equal to it.

    \b
    Examples:
      ferry queries
      ferry queries preview vips
      ferry queries run vips --wait
      ferry queries runs vips
    """
    if context.invoked_subcommand is not None:
        return
    known = settings.load()
    with ledger(known) as redis:
        now = now_ms()
        found = query_documents(redis, known.queries, now)
    if as_json:
        print_json(found)
    else:
        console().print(queries_view(found, now))


for command in (check, preview, run, cancel, pause, resume, runs, rows):
    queries.add_command(command)
