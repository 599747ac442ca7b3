"""`ferry queries check` and `preview`: what a query would do, before it does it."""

from __future__ import annotations

import click

from commands.options import json_option, var_option
from configuration import settings
from ops.ledger import ledger
from ops.output import console, print_json
from ops.queries.checking import examine, forecast, wanted
from ops.queries.checking_view import document, view
from ops.sync.dry_run_view import show


@click.command()
@click.argument("name")
@click.option("--personal-data", is_flag=True, help="Print whole values.")
@json_option
@var_option
def check(name: str, personal_data: bool, as_json: bool) -> None:
    """Try a query: its source, its columns and its first rows.

    Connects, warns if the database user may do more than read, shows what each column becomes and whether it is sent,
    and prints the first 20 rows with masked values. Sends nothing. Exit code 1 if the query cannot be read.

    \b
    Examples:
      ferry queries check vips
      ferry queries check vips --json
    """
    known = settings.load()
    query, source = wanted(known, name)
    found = examine(known, query, source)
    if as_json:
        print_json(document(query, found, personal_data))
        return
    for part in view(query, source, found, personal_data):
        console().print(part)


@click.command()
@click.argument("name")
@click.option("--personal-data", is_flag=True, help="Print whole addresses and numbers.")
@json_option
@var_option
def preview(name: str, personal_data: bool, as_json: bool) -> None:
    """Show whom a query would add, change and remove.

    Reads the whole result and compares it with the list, as `ferry sync --dry-run` does with a file: people, requests
    to Klaviyo and minutes, and whether the guard would hold it. Stores and sends nothing.

    \b
    Examples:
      ferry queries preview vips
      ferry queries preview vips --json
    """
    known = settings.load()
    query, source = wanted(known, name)
    with ledger(known) as redis:
        show(forecast(redis, known, query, source), personal_data, as_json)
