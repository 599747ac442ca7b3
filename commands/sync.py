"""`ferry sync`: make a list equal to a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from redis import Redis

from commands.options import json_option, var_option
from commands.sync_options import SyncOptions, facts_of, order_of, queue_of
from commands.syncs import document
from configuration import settings
from configuration.settings import Settings
from ops.errors import Failed
from ops.ledger import by, ledger
from ops.output import console, echo, print_json
from ops.sync import lines
from ops.sync.dry_run import rehearse
from ops.sync.dry_run_view import show
from ops.sync.follow import follow
from ops.sync.rejected import write
from ops.sync.source import KINDS, Source, source
from ops.sync.submit import submit
from ops.sync.view import columns_view, counts_table, is_planned, settled_line
from queues import audit
from queues.names import Queue
from queues.snapshots import orders, outcomes
from queues.snapshots.orders import Record, SnapshotOrder
from snapshots.tally import KEPT
from text.wording import number, plural


@click.command()
@click.argument("audience")
@click.argument("file", type=click.Path(exists=True, allow_dash=True))
@click.option(
    "--connection", metavar="NAME", help="For a new audience, or one in several connections.  [default: default]"
)
@click.option("--name", help="Name of the audience, and of a new list.")
@click.option("--format", "kind", type=click.Choice(KINDS), help="Format of FILE, if Ferry cannot detect it.")
@click.option("--encoding", metavar="NAME", help="Encoding of FILE, such as windows-1250, if Ferry cannot detect it.")
@click.option("--at", metavar="TIME", help="Time of the membership: ISO 8601 or ms.  [default: now]")
@click.option("--dry-run", is_flag=True, help="Show what would happen; store and send nothing.")
@click.option("--confirm", is_flag=True, help="Pass the guard: many removals are intended.")
@click.option("--reconcile", is_flag=True, help="Compare with Klaviyo's list, not with Ferry's ledger.")
@click.option("--personal-data", is_flag=True, help="With --dry-run: print whole addresses and numbers.")
@click.option(
    "--rejected",
    metavar="NEW_FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the rows that cannot be sent and the reasons into this CSV, for a spreadsheet.",
)
@json_option
@var_option
def sync(**options: Any) -> None:
    """Make a list equal to a file.

    FILE names everybody in AUDIENCE (its id or name): new people are added to the list, missing people are removed
    from it, changed attributes are updated. FILE is a CSV, NDJSON, JSON or Parquet file, also gzipped, - for standard
    input, or the folder of mParticle's audience download. Lines of mParticle's other exports (mparticle-lines) are
    single changes and are queued as such.

    A single change that is newer than --at wins over the file. A snapshot of nobody, or one that would remove over
    30 % of a list (max_removal_percent), is held for review. Exit code 1 if it was not carried out.

    \b
    Examples:
      ferry sync 42 vips.csv --dry-run
      ferry sync vips vips.csv --name VIPs
      ferry sync 42 - --format csv < vips.csv
      ferry sync 42 vips.csv --dry-run --rejected rejected.csv
    """
    given = SyncOptions(**options)
    given.check()
    known = settings.load()
    with ledger(known, writes=not given.dry_run) as redis:
        queue = queue_of(redis, known, given)
        found = source(given.file, given.kind, queue.target)
        if found.kind == "mparticle-lines":
            _accept_lines(redis, known, queue, found, given)
            return
        order = order_of(queue, found, given)
        if given.dry_run:
            _rehearse(redis, known, queue, found, order, given)
        else:
            _submit(redis, queue, found, order, given)


def _accept_lines(redis: Redis, known: Settings, queue: Queue, found: Source, given: SyncOptions) -> None:
    given.check_lines()
    lines.accept_all(redis, known, queue, found, given.name, given.dry_run, given.as_json)
    if not given.dry_run:
        audit.note(redis, by(), "sync", queue, "lines accepted")


def _rehearse(
    redis: Redis, known: Settings, queue: Queue, found: Source, order: SnapshotOrder, given: SyncOptions
) -> None:
    rehearsed = rehearse(redis, known, queue, found, order, facts_of(redis, queue, given.name))
    show(rehearsed, given.personal_data, given.as_json)
    _write(queue, rehearsed.rejected, order, given)


def _submit(redis: Redis, queue: Queue, found: Source, order: SnapshotOrder, given: SyncOptions) -> None:
    facts = facts_of(redis, queue, given.name)
    of_snapshots = orders.queue_of(queue.connection, queue.target)
    submit(redis, of_snapshots, found, order, msgspec.json.encode(facts) if facts else b"")
    audit.note(redis, by(), "sync", queue, "submitted")
    record, why = _followed(redis, order.snapshot, queue)
    _report(record, given.as_json)
    _write(queue, outcomes.rejected(redis, order.snapshot), order, given)
    _end(queue, record, why, given.as_json)


def _followed(redis: Redis, snapshot: str, queue: Queue) -> tuple[Record, str | None]:
    try:
        return follow(redis, snapshot, queue)
    except KeyboardInterrupt as stop:
        raise Failed(f"Stopped waiting; snapshot {snapshot} is carried out anyway: ferry syncs {queue}") from stop


def _write(queue: Queue, rejected: Mapping[str, Sequence[int]], order: SnapshotOrder, given: SyncOptions) -> None:
    """Write the rejected rows, at most 10,000 a reason, if --rejected names a file."""
    if given.rejected is not None:
        written = write(given.rejected, rejected, source(given.file, given.kind, queue.target), order)
        echo(
            f"{plural(written, 'row')} that cannot be sent, in {given.rejected}, which is for a spreadsheet: at most "
            f"{number(KEPT)} for each reason.",
            err=True,
        )


def _report(record: Record, as_json: bool) -> None:
    if as_json:
        print_json(document(record))
    elif record.counts:
        for part in columns_view(record.columns, record.left_out, record.encoding):
            console().print(part)
        planned = is_planned(record.state, record.outcomes)
        console().print(counts_table(record.counts, record.examples, planned=planned))


def _end(queue: Queue, record: Record, why: str | None, as_json: bool) -> None:
    named = f"snapshot {record.order.snapshot}"
    if why:
        raise Failed(f"{why}\n{named} stays submitted: ferry syncs {queue}")
    if record.state == "superseded":
        raise Failed(f"{named} was not carried out: a newer one replaced it, see ferry syncs {queue}")
    if record.state == "failed":
        unchanged = ", and nothing changed" if not record.outcomes.changes else ""
        raise Failed(f"{named} failed{unchanged}: {record.error}")
    if not as_json:
        echo(f"\n{_delivery(queue, record)}")


def _delivery(queue: Queue, record: Record) -> str:
    if left := record.outcomes.pending:
        return f"Delivering: {plural(left, 'change')} of {queue} not delivered yet, see ferry syncs {queue}"
    return settled_line(record, "file")
