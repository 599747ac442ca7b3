"""What the steps of carrying out a snapshot share: the order, its record, the audience it is of."""

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
#: A lease is renewed so long (ms) after it was, at the earliest.
RENEW_MS = 10_000


@dataclass
class SnapshotRun:
    """A snapshot that this worker carries out. `index`: of its change in the batch. `course`: part of the progress."""

    delivery: Delivery
    index: int
    order: SnapshotOrder
    record: Record
    course: SnapshotProgress
    _renewed: int = 0

    @cached_property
    def audience(self) -> Queue:
        """The queue of the audience, into which the changes go."""
        queue = self.delivery.batch.queue
        return Queue(queue.connection, "audience", queue.target)

    @cached_property
    def connection(self) -> Connection:
        """What is configured."""
        return settings_of_process().connections.named(self.audience.connection)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What is to be known of the audience from now on; the settings of its CDP stay."""
        redis, order = self.delivery.redis, self.order
        known = pending.audience(redis, self.audience)
        told = pending.audience(redis, self.delivery.batch.queue)
        settings = {**(told.get("settings") or {}), **(known.get("settings") or {})}
        if order.list_name:
            settings["listName"] = order.list_name
        name = order.name or known.get("name") or told.get("name")
        return {**({"name": name} if name else {}), "settings": settings}

    @cached_property
    def aimed(self) -> Delivery:
        """The delivery as if it were one of the audience: its rules, its list. Raises Held for wrong settings."""
        delivery, known = self.delivery, settings_of_process()
        cipher = Cipher(known.secret_keys)
        to = destination(delivery.redis, known.connections, cipher, self.audience, self.facts)
        return replace(delivery, batch=replace(delivery.batch, queue=self.audience), to=to)

    @property
    def selection(self) -> Selection:
        """Which attributes are sent: those that the order names, else what the connection has."""
        if self.order.attributes is not None:
            return Selection(attributes=frozenset(self.order.attributes))
        return Selection(self.connection.full_profile, frozenset(self.connection.default_attributes))

    def body(self) -> Iterator[bytes]:
        """The pieces of the snapshot; the batch stays this worker's meanwhile. Raises SnapshotGone, LeaseLost."""
        for piece in orders.body(self.delivery.redis, self.order.snapshot):
            self.renew()
            yield piece

    def renew(self) -> None:
        """Keep the batch through what takes its time; to be called as often as one likes. Raises LeaseLost."""
        now = now_ms()
        if now - self._renewed >= RENEW_MS:
            batches.renew(self.delivery.redis, self.delivery.batch, now, LEASE_MS)
            self._renewed = now

    def begin_again(self) -> None:
        """Everything from `watch` on, but for the buckets whose changes are queued: they are taken into account."""
        rosters.drop(self.delivery.redis, self.order.snapshot)
        self.course = self.delivery.progress.course = SnapshotProgress(bucket=self.course.bucket)

    def note(self) -> None:
        """Write down how it goes, and how far it has come. Raises LeaseLost."""
        # In this order: what is found out in a step is not found out again after it.
        orders.note(self.delivery.redis, self.record)
        self.delivery.note()


def snapshot_run(delivery: Delivery, index: int) -> SnapshotRun:
    """Take up a snapshot where it was left. Raises msgspec.DecodeError for an order that this Ferry cannot read."""
    change = delivery.batch.changes[index]
    order = orders.order_of(bytes(change.body.person))
    record = orders.record(delivery.redis, order.snapshot) or Record(
        str(delivery.batch.queue), order, change.accepted_at, 0
    )
    if delivery.progress.course is None:
        delivery.progress.course = SnapshotProgress()
    return SnapshotRun(delivery, index, order, record, delivery.progress.course)


def carriers(delivery: Delivery) -> list[SnapshotRun]:
    """All snapshots of a batch whose order can be read, the one that counts last."""
    found = []
    for intent in delivery.intents.values():
        for index in intent.indexes:
            with suppress(msgspec.DecodeError):
                found.append(snapshot_run(delivery, index))
    return found
