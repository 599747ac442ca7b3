"""`ferry queries run`, `cancel`, `pause` and `resume`."""

from __future__ import annotations

import time

import click

from commands.options import json_option, var_option
from configuration import settings
from ops.errors import Failed, StillGoing
from ops.ledger import by, ledger
from ops.output import console, echo, print_json
from ops.queries import actions
from ops.queries.documents import RunDocument
from ops.queries.follow import follow
from ops.queries.view import left_out_lines, run_lines
from ops.sync.view import columns_view, counts_table, settled_line
from queues.queries import records
from queues.queries.records import QueryRun
from queues.snapshots.records import Record
from text.wording import plural


@click.command()
@click.argument("name")
@click.option(
    "--wait", is_flag=True, help="Wait until each change is settled; exit code 1 if the run fails or is held."
)
@click.option(
    "--wait-minutes",
    type=click.IntRange(1, 10_080),
    default=120,
    show_default=True,
    help="With --wait: the longest time; exit code 4 after it.",
)
@click.option("--confirm", is_flag=True, help="Pass the guard: many removals are intended.")
@click.option("--reconcile", is_flag=True, help="Compare with Klaviyo's list, not with Ferry's ledger.")
@json_option
@var_option
def run(name: str, wait: bool, wait_minutes: int, confirm: bool, reconcile: bool, as_json: bool) -> None:
    """Run a query now.

    The schedule stays as it is. Exit code 1 if another run has not ended. With --wait as the last step of a dbt job, a
    failed job sends nothing, and the job fails if a change of the run becomes a dead letter.

    \b
    Examples:
      ferry queries run vips
      ferry queries run vips --wait
      ferry queries run vips --confirm
    """
    known = settings.load()
    query = actions.chosen(known.queries, name)
    with ledger(known, writes=True) as redis:
        run_id, begun = actions.order(redis, by(), query, confirmed=confirm, reconcile=reconcile)
        if not begun:
            raise Failed(f"run {run_id} has not ended. Wait for it, or end it: ferry queries cancel {name}")
        if not wait:
            if as_json:
                print_json({"run": run_id})
            echo(f"Run {run_id} is queued. To follow it: ferry queries runs {name}")
            return
        try:
            found, record = follow(redis, query, run_id, time.monotonic() + 60 * wait_minutes)
        except StillGoing as late:
            raise StillGoing(
                f"run {run_id} has not ended within {plural(wait_minutes, 'minute')}, and goes on ({late.message}): "
                f"ferry queries runs {name}"
            ) from late
        except KeyboardInterrupt as stop:
            raise Failed(f"Stopped waiting; run {run_id} goes on: ferry queries runs {name}") from stop
    _report(found, record, as_json)


def _report(run: QueryRun, record: Record | None, as_json: bool) -> None:
    document = RunDocument.of(run, record)
    if as_json:
        print_json(document)
    if document.state in ("failed", "cancelled", "superseded"):
        raise Failed(f"run {run.id} {document.state}: {document.remedy or 'a newer snapshot replaced it'}")
    for line in (*run_lines(document), *left_out_lines(document)):
        echo(line)
    if record and record.counts:
        for part in columns_view(record.columns, record.left_out, ""):
            console().print(part)
        console().print(counts_table(record.counts, record.examples))
        echo(f"\n{settled_line(record, 'result')}")


@click.command()
@click.argument("name")
@json_option
@var_option
def cancel(name: str, as_json: bool) -> None:
    """Cancel the run of a query that is queued or reading.

    The list is not touched. A result that was submitted is not cancelled: hold its queue instead.

    \b
    Examples:
      ferry queries cancel vips
    """
    known = settings.load()
    query = actions.chosen(known.queries, name)
    with ledger(known, writes=True) as redis:
        running = records.states(redis, [name])[name].running
        done = bool(running) and actions.cancel(redis, by(), query, running)
    if as_json:
        print_json({"run": running, "cancelled": done})
    echo(f"Run {running} is being cancelled." if done else f"No run of {name} is queued or reading.")


@click.command()
@click.argument("name")
@click.option("--reason", required=True, help="Why; `ferry queries` shows it.")
@json_option
@var_option
def pause(name: str, reason: str, as_json: bool) -> None:
    """Pause the schedule of a query until `resume`.

    Runs by hand still work. A run that has begun goes on.

    \b
    Examples:
      ferry queries pause vips --reason "the warehouse is being migrated"
    """
    if not reason.strip():
        raise click.UsageError("--reason is empty: say why, because everybody sees it")
    known = settings.load()
    query = actions.chosen(known.queries, name)
    with ledger(known, writes=True) as redis:
        done = actions.pause(redis, by(), query, reason.strip())
    if as_json:
        print_json({"query": name, "paused": done})
    echo(f"{name} is paused. To go on: ferry queries resume {name}" if done else f"{name} is paused already.")


@click.command()
@click.argument("name")
@json_option
@var_option
def resume(name: str, as_json: bool) -> None:
    """Resume the schedule of a paused query.

    It runs at the next slot; slots that came meanwhile are not made up for.

    \b
    Examples:
      ferry queries resume vips
    """
    known = settings.load()
    query = actions.chosen(known.queries, name)
    with ledger(known, writes=True) as redis:
        done = actions.resume(redis, by(), query)
    if as_json:
        print_json({"query": name, "resumed": done})
    echo(f"{name} runs at its next slot." if done else f"{name} was not paused.")
    if query.paused:
        echo(f"It has paused = true in connections.toml: remove that, and restart Ferry, to let {name} run.")
