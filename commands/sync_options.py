"""What the options of `ferry sync` mean: the audience, the time and the order of the snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from redis import Redis

from configuration.connections import DEFAULT, UnknownConnection
from configuration.settings import Settings
from intake.changes.messages import planned
from mappings.values import clamp, visible
from ops.output import echo
from ops.sync.source import FORMATS, STDIN, Kind, Source
from ops.targets import find_audience, new_audience
from queues import pending
from queues.census import meant
from queues.clock import now_ms
from queues.names import Queue
from queues.snapshots import orders
from queues.snapshots.orders import SnapshotOrder


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """The arguments and options, under their names on the command line."""

    audience: str
    file: str
    connection: str | None
    name: str | None
    kind: Kind | None
    encoding: str | None
    at: str | None
    dry_run: bool
    confirm: bool
    reconcile: bool
    personal_data: bool
    rejected: Path | None
    as_json: bool

    def check(self) -> None:
        """Raises click.UsageError for options that exclude each other, before anything is read."""
        if self.rejected and self.file == STDIN:
            raise click.UsageError("--rejected reads FILE once more: give its name instead of -")
        if self.rejected and self.rejected.exists():
            raise click.UsageError(f"--rejected: {self.rejected} already exists; name a new file")

    def check_lines(self) -> None:
        """Raises click.UsageError for options that single changes do not have."""
        if self.at or self.confirm or self.reconcile:
            raise click.UsageError("lines are single changes: --at, --confirm and --reconcile are for snapshots")


def queue_of(redis: Redis, known: Settings, given: SyncOptions) -> Queue:
    """Return the audience's queue. Raises click.UsageError if it is unclear which audience is meant."""
    try:
        known.connections.named(given.connection or DEFAULT)
    except UnknownConnection as fault:
        raise click.UsageError(str(fault)) from fault
    counts = meant(redis, given.audience)
    found = find_audience(given.audience, counts, given.connection)
    if found and found.target != given.audience and visible(given.name):
        # With --name a new audience of that id may be meant; the one found by its name is perhaps somebody else's.
        raise click.UsageError(
            f"no audience has the id {given.audience!r}, and {found} has a name like it. To make that one equal to "
            f"FILE: ferry sync {found.target} FILE, without --name. For a new audience choose another id."
        )
    return found or new_audience(given.audience, counts, given.connection or DEFAULT, given.name)


def order_of(queue: Queue, found: Source, given: SyncOptions) -> SnapshotOrder:
    """Return the order of the snapshot. Raises click.UsageError for an impossible time."""
    return SnapshotOrder(
        orders.new_id(orders.queue_of(queue.connection, queue.target)),
        _at(given.at, found),
        FORMATS[found.kind],
        gzip=found.gzip,
        charset=given.encoding or "",
        rows=found.rows,
        confirmed=given.confirm,
        reconcile=given.reconcile,
        name=visible(given.name),
    )


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


def facts_of(redis: Redis, queue: Queue, name: str | None) -> dict[str, Any]:
    """Return what to remember of the audience: the known facts, and the name if one is given; empty for none."""
    facts = pending.audience(redis, queue) | ({"name": name} if visible(name) else {})
    return {"settings": {}, **facts} if facts else {}
