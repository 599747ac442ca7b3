"""Holds: each stops a connection or a queue and says why and what resolves it. Intake goes on meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

import msgspec
from redis import Redis

from queues import batches, keys, pending, scripts
from queues.clock import now_ms
from queues.names import Queue

#: Reasons caused by the connection's key.
OF_KEY: Final = frozenset({"unauthenticated", "forbidden", "no_api_key", "api_key_malformed", "api_key_unreadable"})
#: The reason of a hold on a connection that has a key of another account.
ACCOUNT_CHANGED: Final = "account_changed"
#: Probes that must find a key refused before it counts as permanently refused.
CONFIRMED: Final = 3


class Owned(msgspec.Struct, frozen=True):
    """The details of a hold for LIST_OWNED (owners.py).

    `list_id`: the list. `keeper`: the queue that keeps it. `name`: the list name of the held audience.
    """

    list_id: str
    keeper: str
    name: str


class MovedAccount(msgspec.Struct, frozen=True):
    """The details of a hold for ACCOUNT_CHANGED: a key of another account than the one delivered to so far.

    `key`: its fingerprint (connections/accounts.py). `account`: the key's account; `before`: the previous account. Both
    are Klaviyo's ids, empty if the key may not read it.
    """

    key: str
    account: str
    before: str


class Hold(msgspec.Struct, frozen=True):
    """The hold of a queue or connection, and why nothing is taken or delivered.

    `since`: ms. `resolve`: what a person has to do. `probed`: Ferry placed it and checks automatically, every few
    minutes, whether the cause is gone; holds placed by people are released by people. `owned`: details if another queue
    keeps the list. `moved`: details if the key is of another account.
    """

    reason: str
    since: int
    resolve: str = ""
    error_id: str = ""
    probed: bool = False
    owned: Owned | None = None
    moved: MovedAccount | None = None

    @property
    def ends_by_itself(self) -> bool:
        """Whether Ferry periodically checks if the cause is gone."""
        return self.probed or self.owned is not None or self.moved is not None


#: Decodes a hold from its stored form.
decode = msgspec.json.Decoder(Hold).decode


def place(redis: Redis, on: Queue | str, hold: Hold) -> bool:
    """Hold a queue, or a connection by its name; return False if it is already held (the first reason stays)."""
    value = msgspec.json.encode(hold)
    if isinstance(on, Queue):
        return bool(scripts.run(redis, "hold", [keys.queue(on)], [value]))
    return bool(redis.hsetnx(keys.HOLDS, on, value))


def release(redis: Redis, on: Queue | str) -> bool:
    """End a hold and continue its queues at once; return False if there was none."""
    if isinstance(on, Queue):
        ended, waited = scripts.run(redis, "hold", [keys.queue(on)], [""]), [on]
    else:
        ended = redis.hdel(keys.HOLDS, on)
        redis.hdel(keys.CONFIRMATIONS, on)
        waited = [queue for queue in pending.all_queues(redis) if queue.connection == on]
    for queue in waited:
        batches.hasten(redis, queue, now_ms())
    pending.wake(redis)
    return bool(ended)


def confirm(redis: Redis, connection: str) -> int:
    """Count a probe that found the cause of a hold still there; return the count since the hold was placed."""
    return int(redis.hincrby(keys.CONFIRMATIONS, connection, 1))


def confirmations(redis: Redis) -> dict[str, int]:
    """Return the number of probes that found the cause still there, by held connection."""
    counted = cast("dict[bytes, bytes]", redis.hgetall(keys.CONFIRMATIONS))
    return {name.decode(): int(times) for name, times in counted.items()}


def refused_for_good(held: Mapping[bytes, bytes], confirmed: Mapping[bytes, bytes]) -> frozenset[str]:
    """Return the connections whose key was refused often enough. Pure: takes the hashes `holds` and `confirmations`.

    CDPs that can notify their users are notified about these, not about holds of one bad minute or of an operator.
    """
    return frozenset(
        name.decode()
        for name, value in held.items()
        if decode(value).probed and decode(value).reason in OF_KEY and int(confirmed.get(name, 0)) >= CONFIRMED
    )


def of_connections(redis: Redis) -> dict[str, Hold]:
    """Return the hold of every held connection."""
    held = cast("dict[bytes, bytes]", redis.hgetall(keys.HOLDS))
    return {name.decode(): decode(value) for name, value in held.items()}


def of_queue(redis: Redis, queue: Queue) -> Hold | None:
    """Return the hold on a queue's connection, else the one on the queue, else None."""
    with redis.pipeline(transaction=False) as pipe:
        pipe.hget(keys.HOLDS, queue.connection)
        pipe.hget(keys.queue(queue), "hold")
        on_connection, on_queue = pipe.execute()
    held = on_connection or on_queue
    return decode(held) if held else None
