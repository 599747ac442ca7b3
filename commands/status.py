"""`ferry status`: show whether Ferry delivers and why not, and the queues."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

import click
import msgspec
from rich.live import Live

from commands.options import json_option, var_option
from commands.status_view import fitting, view
from ops.client.installation import Installation, installation
from ops.documents.ledger import CensusDocument
from ops.documents.queue import QueueDocument
from ops.output import console, echo, print_json, print_json_line
from ops.status_rows import SORTS, RowChoice
from ops.status_words import STATES
from ops.stuck import stuck
from ops.targets import find_queue
from queues.census import Census

#: Seconds between two refreshes of --watch.
_EVERY_S: Final = 2.0
#: Exit code of --check when something is stuck.
STUCK: Final = 3
_Look = Callable[[], Census]


@click.command()
@click.argument("queue", required=False)
@click.option("--state", type=click.Choice(STATES), help="Only queues in this state.")
@click.option("--sort", type=click.Choice(tuple(SORTS)), help="Order of the queues.  [default: the most urgent first]")
@click.option("--limit", type=click.IntRange(1), help="Most queues shown.  [default: 200; with --json all]")
@click.option("--watch", is_flag=True, help="Refresh every 2 s until Ctrl-C; with --json, a line each time.")
@click.option("--check", is_flag=True, help="For monitors: print what is stuck, with exit code 3.")
@json_option
@var_option
def status(
    queue: str | None, state: str | None, sort: str | None, limit: int | None, watch: bool, check: bool, as_json: bool
) -> None:
    """Show what is pending, what comes next and what failed.

    Begins with a verdict and its causes. QUEUE is an id, or an audience's id or name; without it all queues count.

    \b
    Pending     changes in the queue / the number that makes it full
    Next flush  when; below the trigger: size (full), age (waited long
                enough), or an operator
    Open        in batches in progress: upload, confirm, prove, clear, remove
    Delivered   seen on the list; superseded: replaced by a newer change of
                the same person; imported: not checked (setting `prove`)
    Dead        dead letters: see `ferry dead list`
    Warnings    people who were delivered without something, or were not on
                the list when they left: see docs/identity.md

    The last line accounts for every change ever accepted. Exit code 1 if it does not add up.

    Stuck (--check) is: no scheduler or worker; changes behind a hold that Ferry placed; a batch that fails, or a
    change that is late, for over 15 minutes; missing data. Holds of people and dead letters are not.

    \b
    Examples:
      ferry status
      ferry status VIPs --json
      ferry status --state held --sort oldest --limit 20
      ferry status --check --quiet || echo "Ferry needs attention"
    """
    if check and watch:
        raise click.UsageError("--check looks once: leave out --watch")
    choice = RowChoice(state, sort, limit)
    with installation() as ferry:
        look = partial(_look, ferry, queue, None if as_json and limit is None else choice)
        if check:
            _check(look(), as_json)
        elif watch:
            with suppress(KeyboardInterrupt):
                (_watch_lines if as_json else _watch_live)(look, choice)
        else:
            _show(look(), choice, as_json)


def _look(ferry: Installation, queue: str | None, choice: RowChoice | None) -> Census:
    """Return the census of one queue if one is named, else of those that the choice shows; None: of all."""
    if queue is None:
        return ferry.census() if choice is None else ferry.summary(choice)
    census = ferry.some([find_queue(queue, ferry.meant(queue))])
    connections = {count.queue.connection for count in census.queues}
    return replace(census, holds={name: hold for name, hold in census.holds.items() if name in connections})


def _check(census: Census, as_json: bool) -> None:
    found = list(stuck(census))
    if as_json:
        print_json({"stuck": found})
    for line in found or ["Nothing is stuck."]:
        echo(f"Stuck: {line}." if found else line)
    if found:
        raise click.exceptions.Exit(STUCK)


def _show(census: Census, choice: RowChoice, as_json: bool) -> None:
    if as_json:
        print_json(_document(census, choice))
    else:
        console().print(view(census, choice), crop=False)
    if not _adds_up(census):
        raise click.exceptions.Exit(1)


def _document(census: Census, choice: RowChoice) -> CensusDocument:
    queues = [QueueDocument.of(count) for count in choice.every(census)]
    return msgspec.structs.replace(
        CensusDocument.of(replace(census, queues=(), kept=census.totals)), queues=queues, balanced=_adds_up(census)
    )


def _adds_up(census: Census) -> bool:
    return census.totals.all.missing == 0


def _watch_lines(look: _Look, choice: RowChoice) -> None:
    while True:
        print_json_line(_document(look(), choice))
        time.sleep(_EVERY_S)


def _watch_live(look: _Look, choice: RowChoice) -> None:
    out = console()
    if not out.is_terminal:
        while True:
            out.print(view(look(), choice), crop=False)
            time.sleep(_EVERY_S)
    with Live(fitting(look(), choice, out), console=out, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            time.sleep(_EVERY_S)
            live.update(fitting(look(), choice, out), refresh=True)
