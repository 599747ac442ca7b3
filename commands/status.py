"""`ferry status`: show the queues, what happens next, and what is wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from commands.options import json_option, var_option
from ops import status_words as words
from ops.client.choose import Installation, installation
from ops.documents.ledger import CensusDocument
from ops.output import console, echo, json_line, print_json, table
from queues.census import Census
from queues.counts import QueueCount, called
from queues.holds import Hold
from text.escaping import visible
from text.wording import number, plural, span

#: Seconds between two refreshes of --watch.
_EVERY_S = 2.0


@click.command()
@click.option("--watch", is_flag=True, help="Refresh every 2 s until Ctrl-C; with --json, a line each time.")
@json_option
@var_option
def status(watch: bool, as_json: bool) -> None:
    """Show what is pending, what comes next and what failed.

    \b
    Pending     changes in the queue / the number that makes it full
    Next flush  the first trigger: size (full), age (waited long enough), or
                an operator
    Open        in batches in progress: upload, confirm, prove, clear, remove
    Delivered   seen on the list; superseded: replaced by a newer change of
                the same person; imported: not checked (setting `prove`)
    Dead        dead letters: see `ferry dead list`
    Warnings    people who were delivered without something, or were not on
                the list when they left: see docs/identity.md

    The last line accounts for every change ever accepted. Exit code 1 if it does not add up.
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
        print_json(CensusDocument.of(census))
    else:
        console().print(view(census))


def _watch_lines(ferry: Installation) -> None:
    while True:
        echo(json_line(CensusDocument.of(ferry.census())))
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


def view(census: Census) -> RenderableType:
    """Return the queues, the problems and the totals, to be printed. Fits into 80 columns."""
    return Group(_queues(census), Text(), *_trouble(census), *_left_out(census), _processes(census), _equation(census))


def _queues(census: Census) -> RenderableType:
    if not census.queues:
        return Text("No queues yet: Ferry has accepted no changes.")
    made = table("Queue", "Pending", "Next flush", "Open", "Delivered", "Dead", right=("Delivered", "Dead"))
    for count in census.queues:
        made.add_row(
            _two(called(count), str(count.queue)),
            _pending(count, census.at),
            _next_flush(count, census),
            _open(count, census.at),
            _two(number(count.delivered), "\n".join(words.delivered_more(count, census.at))),
            _dead(count),
        )
    return made


def _two(first: str, second: str = "") -> Text:
    return Text.assemble(first, ("\n" + second if second else "", "dim"))


def _pending(count: QueueCount, now: int) -> Text:
    oldest = count.waiting.oldest
    filled = f"{number(count.waiting.pending)}/{number(count.policy.size)}"
    return _two(filled, "" if oldest is None else f"{span(now - oldest)} old")


def _next_flush(count: QueueCount, census: Census) -> Text:
    if words.is_held(count, census):
        return Text("held", style="bold red")
    fires, when = words.next_flush(count, census)
    return _two(fires, when) if fires else Text("-", style="dim")


def _open(count: QueueCount, now: int) -> Text:
    if not count.batches:
        return Text(number(count.open) if count.open else "-", style="" if count.open else "dim")
    lines = [words.batch(batch, now) for batch in count.batches[:3]]
    if len(count.batches) > 3:
        lines.append(f"and {plural(len(count.batches) - 3, 'batch', 'batches')}")
    return _two(number(count.open), "\n".join(lines))


def _dead(count: QueueCount) -> Text:
    lines = "".join(f"\n{gone}" for gone in words.letters_gone(count))
    return Text.assemble((number(count.kept), "red" if count.kept else ""), (lines, "dim"))


def _trouble(census: Census) -> Iterator[RenderableType]:
    held = {**census.holds, **{str(count.queue): count.hold for count in census.queues if count.hold}}
    if held:
        yield _holds(held, census.at)
        yield Text("To release one: ferry release NAME\n")
    for line in (*words.trouble(census), *words.failing(census)):
        yield Text(line, style="bold red")


def _holds(held: dict[str, Hold], now: int) -> Table:
    made = table("Held", "For", "Reason", "What to do")
    for name, hold in held.items():
        made.add_row(name, span(now - hold.since), visible(hold.reason), words.what_to_do(hold))
    return made


def _left_out(census: Census) -> Iterator[RenderableType]:
    yield from (Text(line) for line in (words.left_out(census), words.shared(census)) if line)


def _processes(census: Census) -> Text:
    return Text(f"Scheduler: {words.scheduler(census)}. Workers: {words.workers(census)}.")


def _equation(census: Census) -> Text:
    text, adds_up = words.equation(census)
    return Text(text, style="" if adds_up else "bold red")
