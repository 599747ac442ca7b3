"""`ferry sync`: make a list equal to a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from redis import Redis

from commands.options import json_option, var_option
from commands.syncs import document
from configuration import settings
from configuration.connections import DEFAULT, UnknownConnection
from configuration.settings import Settings
from intake.changes.messages import planned
from mappings.values import clamp, visible
from ops.audit_format import by
from ops.errors import Failed
from ops.ledger import ledger
from ops.output import console, echo, print_json
from ops.sync import lines
from ops.sync.dry_run import rehearse
from ops.sync.dry_run_view import show
from ops.sync.follow import follow
from ops.sync.rejected import write
from ops.sync.source import FORMATS, KINDS, STDIN, Kind, Source, source
from ops.sync.submit import submit
from ops.sync.view import columns_view, counts_table
from ops.targets import find_audience, new_audience
from queues import audit, pending
from queues.census import meant
from queues.clock import now_ms
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
def sync(
    audience: str,
    file: str,
    connection: str | None,
    name: str | None,
    kind: Kind | None,
    encoding: str | None,
    at: str | None,
    dry_run: bool,
    confirm: bool,
    reconcile: bool,
    personal_data: bool,
    rejected: Path | None,
    as_json: bool,
) -> None:
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
    if rejected and file == STDIN:
        raise click.UsageError("--rejected reads FILE once more: give its name instead of -")
    if rejected and rejected.exists():
        raise click.UsageError(f"--rejected: {rejected} already exists; name a new file")
    known = settings.load()
    with ledger(known, writes=not dry_run) as redis:
        queue = _queue(redis, known, audience, connection, name)
        found = source(file, kind, queue.target)
        if found.kind == "mparticle-lines":
            if at or confirm or reconcile:
                raise click.UsageError("lines are single changes: --at, --confirm and --reconcile are for snapshots")
            lines.accept_all(redis, known, queue, found, name, dry_run, as_json)
            if not dry_run:
                audit.note(redis, by(), "sync", queue, "lines accepted")
            return
        order = _order(queue, found, _at(at, found), name, confirm, reconcile, encoding)
        facts = _facts(redis, queue, name)
        if dry_run:
            rehearsed = rehearse(redis, known, queue, found, order, facts)
            show(rehearsed, personal_data, as_json)
            _write(rejected, rehearsed.rejected, source(file, kind, queue.target), order)
        else:
            of_snapshots = orders.queue_of(queue.connection, queue.target)
            submit(redis, of_snapshots, found, order, msgspec.json.encode(facts) if facts else b"")
            audit.note(redis, by(), "sync", queue, "submitted")
            record, why = _followed(redis, order.snapshot, queue)
            _report(record, as_json)
            _write(rejected, outcomes.rejected(redis, order.snapshot), source(file, kind, queue.target), order)
            _end(queue, record, why, as_json)


def _followed(redis: Redis, snapshot: str, queue: Queue) -> tuple[Record, str | None]:
    try:
        return follow(redis, snapshot, queue)
    except KeyboardInterrupt as stop:
        raise Failed(f"Stopped waiting; snapshot {snapshot} is carried out anyway: ferry syncs {queue}") from stop


def _queue(redis: Redis, known: Settings, audience: str, connection: str | None, name: str | None) -> Queue:
    try:
        known.connections.named(connection or DEFAULT)
    except UnknownConnection as fault:
        raise click.UsageError(str(fault)) from fault
    counts = meant(redis, audience)
    found = find_audience(audience, counts, connection)
    if found and found.target != audience and visible(name):
        # With --name a new audience of that id may be meant; the one found by its name is perhaps somebody else's.
        raise click.UsageError(
            f"no audience has the id {audience!r}, and {found} has a name like it. To make that one equal to FILE: "
            f"ferry sync {found.target} FILE, without --name. For a new audience choose another id."
        )
    return found or new_audience(audience, counts, connection or DEFAULT, name)


def _at(given: str | None, found: Source) -> int:
    now = now_ms()
    if given is None:
        at, clamped = clamp(found.at, now)
        if clamped:
            echo("The time in the manifest is in the future or before 2015: Ferry uses the current time.", err=True)
        return at
    try:
        at = planned(given)
    except ValueError as fault:
        raise click.UsageError(f"--at {given}: {fault}") from fault
    if at > now:
        raise click.UsageError(f"--at {given} is in the future; give the time at which FILE was written")
    return at


def _order(
    queue: Queue,
    found: Source,
    at: int,
    name: str | None,
    confirm: bool,
    reconcile: bool,
    encoding: str | None,
) -> SnapshotOrder:
    return SnapshotOrder(
        orders.new_id(orders.queue_of(queue.connection, queue.target)),
        at,
        FORMATS[found.kind],
        gzip=found.gzip,
        charset=encoding or "",
        rows=found.rows,
        confirmed=confirm,
        reconcile=reconcile,
        name=visible(name),
    )


def _facts(redis: Redis, queue: Queue, name: str | None) -> dict[str, Any]:
    """Return what to remember of the audience: the known facts, and the name if one is given; empty for none."""
    facts = pending.audience(redis, queue) | ({"name": name} if visible(name) else {})
    return {"settings": {}, **facts} if facts else {}


def _write(path: Path | None, rejected: Mapping[str, Sequence[int]], found: Source, order: SnapshotOrder) -> None:
    """Write the rejected rows, at most 10,000 a reason, if --rejected names a file."""
    if path is not None:
        written = write(path, rejected, found, order)
        echo(
            f"{plural(written, 'row')} that cannot be sent, in {path}: at most {number(KEPT)} for each reason.",
            err=True,
        )


def _report(record: Record, as_json: bool) -> None:
    if as_json:
        print_json(document(record))
    elif record.counts:
        for part in columns_view(record.columns, record.left_out, record.encoding):
            console().print(part)
        console().print(counts_table(record.counts, record.examples))


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
        left = record.outcomes.pending
        echo(
            f"\nDelivering: {plural(left, 'change')} of {queue} not delivered yet, see ferry syncs {queue}"
            if left
            else "\nDelivered. No changes are pending: the list equals the file."
        )
