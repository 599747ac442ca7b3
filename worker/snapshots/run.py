"""The state that the steps of a snapshot share: the order, its record and its audience."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import msgspec

from configuration.connections import Connection
from queues import batches, pending
from queues.clock import now_ms
from queues.connections.accounts import Cipher
from queues.names import Queue
from queues.snapshots import orders, rosters
from queues.snapshots.orders import Record, SnapshotOrder
from snapshots.rows import Selection
from worker.connection import destination
from worker.delivery import LEASE_MS, Delivery
from worker.process import settings_of_process
from worker.progress import SnapshotProgress

#: The kind of queue whose changes are snapshots.
KIND = orders.KIND
#: Shortest time (ms) between two renewals of the lease.
RENEW_MS = 10_000


@dataclass
class SnapshotRun:
    """A snapshot that this worker carries out. `index`: its change in the batch. `course`: its part of the progress."""

    delivery: Delivery
    index: int
    order: SnapshotOrder
    record: Record
    course: SnapshotProgress
    _renewed: int = 0

    @cached_property
    def audience(self) -> Queue:
        """The queue of the audience, which gets the changes."""
        queue = self.delivery.batch.queue
        return Queue(queue.connection, "audience", queue.target)

    @cached_property
    def connection(self) -> Connection:
        """The configured connection."""
        return settings_of_process().connections.named(self.audience.connection)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The new facts about the audience; the settings from its CDP are kept."""
        redis, order = self.delivery.redis, self.order
        known = pending.audience(redis, self.audience)
        from_snapshot = pending.audience(redis, self.delivery.batch.queue)
        settings = {**(from_snapshot.get("settings") or {}), **(known.get("settings") or {})}
        if order.list_name:
            settings["listName"] = order.list_name
        name = order.name or known.get("name") or from_snapshot.get("name")
        return {**({"name": name} if name else {}), "settings": settings}

    @cached_property
    def aimed(self) -> Delivery:
        """The delivery with the audience's queue, rules and list. Raises Held for wrong settings."""
        delivery, known = self.delivery, settings_of_process()
        cipher = Cipher(known.secret_keys)
        to = destination(delivery.redis, known.connections, cipher, self.audience, self.facts)
        return replace(delivery, batch=replace(delivery.batch, queue=self.audience), to=to)

    @property
    def selection(self) -> Selection:
        """Return the attributes to send: those of the order, else those of the connection."""
        connection = self.connection
        return Selection.chosen(connection.full_profile, connection.default_attributes, self.order.attributes)

    def body(self) -> Iterator[bytes]:
        """Yield the pieces of the snapshot, and renew the lease meanwhile. Raises SnapshotGone, LeaseLost."""
        for piece in orders.body(self.delivery.redis, self.order.snapshot):
            self.renew()
            yield piece

    def renew(self) -> None:
        """Renew the lease during long work; may be called at any frequency. Raises LeaseLost."""
        now = now_ms()
        if now - self._renewed >= RENEW_MS:
            batches.renew(self.delivery.redis, self.delivery.batch, now, LEASE_MS)
            self._renewed = now

    def begin_again(self) -> None:
        """Start again from `watch`, except for buckets whose changes are queued already."""
        rosters.drop(self.delivery.redis, self.order.snapshot)
        before = self.course
        self.course = self.delivery.progress.course = SnapshotProgress(
            bucket=before.bucket,
            queued=before.queued,
            newer=before.newer,
            undecided=before.undecided,
            removed=before.removed,
        )

    def note(self) -> None:
        """Write down the record and the progress. Raises LeaseLost."""
        # The record first: the findings of a finished step are not computed again.
        orders.note(self.delivery.redis, self.record)
        self.delivery.note()


def snapshot_run(delivery: Delivery, index: int) -> SnapshotRun:
    """Return a snapshot with its progress. Raises msgspec.DecodeError when this version cannot read the order."""
    change = delivery.batch.changes[index]
    order = orders.order_of(bytes(change.body.person))
    record = orders.record(delivery.redis, order.snapshot) or Record(
        str(delivery.batch.queue), order, change.accepted_at, 0
    )
    if delivery.progress.course is None:
        delivery.progress.course = SnapshotProgress()
    return SnapshotRun(delivery, index, order, record, delivery.progress.course)


def carriers(delivery: Delivery) -> list[SnapshotRun]:
    """Return all snapshots of a batch with a readable order, the newest last."""
    found = []
    for intent in delivery.intents.values():
        for index in intent.indexes:
            with suppress(msgspec.DecodeError):
                found.append(snapshot_run(delivery, index))
    return found
