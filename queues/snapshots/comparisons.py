"""Scheduled comparisons of Klaviyo's lists with the membership ledger (`reconcile = "daily"`), and what they found.

A comparison is an order in the audience's queue of snapshots, so that it is taken, retried, held and recorded like one.
"""

from __future__ import annotations

from typing import Final, cast

import msgspec
from redis import Redis

from queues import keys, pending
from queues.errors import QueueFull
from queues.names import Queue
from queues.snapshots import guard, members, orders
from queues.snapshots.orders import Record, SnapshotOrder

#: ms between two comparisons of a list.
EVERY_MS: Final = 86_400_000
#: ms for which a difference is reported: a later comparison replaces it, unless the setting was removed.
LASTS_MS: Final = 2 * EVERY_MS


class Differing(msgspec.Struct, frozen=True):
    """A list that differs from the ledger. `at`: ms of the comparison. `extra`: people whom only the list has.

    `missing`: people whom only the ledger has. `kept_back`: why Ferry did not repair it although it may; empty if it
    may not.
    """

    at: int
    extra: int
    missing: int
    kept_back: str = ""


_decode = msgspec.json.Decoder(Differing).decode


def order_due(redis: Redis, audience: Queue, now: int, *, repair: bool) -> bool:
    """Order a comparison; return False if it is not time, or the audience has a snapshot that is not carried out.

    Nothing is compared before the first snapshot, because the ledger does not know yet who is on the list. `now`: ms.
    Raises redis.RedisError, QueueFull.
    """
    queue = orders.queue_of(audience.connection, audience.target)
    last = cast("bytes | None", redis.hget(keys.queue(queue), "compared"))
    if (last and int(last) > now - EVERY_MS) or not members.snapshot_at(redis, audience):
        return False
    (seen,) = pending.look(redis, [queue])
    if seen.held or seen.waiting.pending or guard.open_batches(redis, queue):
        return False
    order = SnapshotOrder(orders.new_id(queue), now, "ledger", repair=repair)
    try:
        orders.submit(redis, queue, Record(str(queue), order, now, 0), b"", now)
    except QueueFull:
        redis.hset(keys.queue(queue), "compared", now)
        raise
    redis.hset(keys.queue(queue), "compared", now)
    return True


def note(redis: Redis, audience: Queue, found: Differing) -> None:
    """Record that a list differs, in place of what was found before."""
    redis.hset(keys.DIFFERING, str(audience), msgspec.json.encode(found))


def forget(redis: Redis, audience: Queue) -> None:
    """Record that a list is equal to the ledger, or is about to be."""
    redis.hdel(keys.DIFFERING, str(audience))


def differing(redis: Redis, now: int) -> dict[Queue, Differing]:
    """Return the lists that differ, by the audience's queue. `now`: ms."""
    stored = cast("dict[bytes, bytes]", redis.hgetall(keys.DIFFERING))
    found = {Queue.parse(name.decode()): _decode(value) for name, value in stored.items()}
    return {queue: each for queue, each in found.items() if each.at > now - LASTS_MS}
