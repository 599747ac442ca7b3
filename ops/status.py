"""`ferry status`: what is in the queues, what happens next, and what is wrong."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import click
from rich.live import Live

from escaping import visible_json
from ops.installation import Installation, installation
from ops.options import json_option, var_option
from ops.output import console, echo, print_json
from ops.status_json import document
from ops.status_view import view
from queues.census import Census

#: Seconds between two looks of --watch.
_EVERY_S = 2.0


@click.command()
@click.option("--watch", is_flag=True, help="Look again every 2 s until Ctrl-C; with --json, a line each time.")
@json_option
@var_option
def status(watch: bool, as_json: bool) -> None:
    """Show what waits, what comes next, what went wrong.

    \b
    Pending     changes that wait, of how many make the queue full
    Next flush  what comes first: size (full), age (waited long enough), or
                an operator
    Open        in batches under way: upload, confirm, prove, clear, remove
    Delivered   seen on the list; superseded: overtaken by a newer change of
                the same person; imported: nobody looked (setting `prove`)
    Dead        letters to be looked at: see `ferry dead list`
    Warnings    people who were delivered without something, or were not on
                the list when they left: see docs/identity.md

    The last line accounts for every change ever accepted. Exit code 1 when it does not add up.
    """
    with installation() as ferry:
        if not watch:
            census = ferry.census()
            _show(census, as_json)
            if any(count.missing for count in census.queues):
                raise click.exceptions.Exit(1)
        else:
            with suppress(KeyboardInterrupt):
                (_watch_lines if as_json else _watch_live)(ferry)


def _show(census: Census, as_json: bool) -> None:
    if as_json:
        print_json(document(census))
    else:
        console().print(view(census))


def _watch_lines(ferry: Installation) -> None:
    while True:
        echo(visible_json(json.dumps(document(ferry.census()), ensure_ascii=False)))
        time.sleep(_EVERY_S)


def _watch_live(ferry: Installation) -> None:
    out = console()
    if not out.is_terminal:
        while True:
            out.print(view(ferry.census()))
            time.sleep(_EVERY_S)
    with Live(view(ferry.census()), console=out, auto_refresh=False) as live:
        while True:
            time.sleep(_EVERY_S)
            live.update(view(ferry.census()), refresh=True)
