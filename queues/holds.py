"""Holds: a stop on a connection or a queue, with the reason and what resolves it. Intake goes on meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

import msgspec
from redis import Redis

from queues import batches, keys, pending
from queues.clock import now_ms
from queues.names import Queue

#: Reasons that lie in the connection's key.
OF_KEY: Final = frozenset({"unauthenticated", "forbidden", "no_api_key", "api_key_malformed", "api_key_unreadable"})
#: The reason of a hold on a connection that has a key of another account.
ACCOUNT_CHANGED: Final = "account_changed"
#: A key counts as refused for good when so many probes have found it refused.
CONFIRMED: Final = 3


class Owned(msgspec.Struct, frozen=True):
    """What a hold for LIST_OWNED (owners.py) is about.

    `list_id`: the list. `keeper`: the queue that keeps it. `name`: under which the held audience looks for its list.
    """

    list_id: str
    keeper: str
    name: str


class MovedAccount(msgspec.Struct, frozen=True):
    """What a hold for ACCOUNT_CHANGED is about: a key of another account than the connection delivered to.

    `key`: its fingerprint (connections/accounts.py). `account`: of the key, `before`: the one until now; Klaviyo's ids,
    empty where the key may not tell.
    """

    key: str
    account: str
    before: str


class Hold(msgspec.Struct, frozen=True):
    """Why nothing is taken or delivered.

    `since`: ms. `resolve`: what a person has to do about it. `probed`: Ferry placed it and tries by itself, every few
    minutes, whether the cause is gone; what a person holds, a person releases. `owned`: of a list that another queue
    keeps. `moved`: of a key of another account.
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
        """Whether Ferry looks again and again if the cause is gone."""
        return self.probed or self.owned is not None or self.moved is not None


#: A hold from the form that the ledger keeps.
decode = msgspec.json.Decoder(Hold).decode


def place(redis: Redis, on: Queue | str, hold: Hold) -> bool:
    """Hold a queue, or a connection by its name; False when it was held already (the first reason stays)."""
    value = msgspec.json.encode(hold)
    if isinstance(on, Queue):
        return bool(redis.hsetnx(keys.queue(on), "hold", value))
    return bool(redis.hsetnx(keys.HOLDS, on, value))


def release(redis: Redis, on: Queue | str) -> bool:
    """End a hold, and let what waited for it go on now; False when there was none."""
    if isinstance(on, Queue):
        ended, waited = redis.hdel(keys.queue(on), "hold"), [on]
    else:
        ended = redis.hdel(keys.HOLDS, on)
        redis.hdel(keys.CONFIRMATIONS, on)
        waited = [queue for queue in pending.all_queues(redis) if queue.connection == on]
    for queue in waited:
        batches.hasten(redis, queue, now_ms())
    pending.wake(redis)
    return bool(ended)


def confirm(redis: Redis, connection: str) -> int:
    """A probe found the cause of a connection's hold still there; how many did so since it was placed."""
    return int(redis.hincrby(keys.CONFIRMATIONS, connection, 1))


def confirmations(redis: Redis) -> dict[str, int]:
    """Held connection -> probes that found the cause still there."""
    counted = cast("dict[bytes, bytes]", redis.hgetall(keys.CONFIRMATIONS))
    return {name.decode(): int(times) for name, times in counted.items()}


def refused_for_good(held: Mapping[bytes, bytes], confirmed: Mapping[bytes, bytes]) -> frozenset[str]:
    """Connections whose key is refused and was probed often enough. Pure: takes the hashes `holds` and `confirmations`.

    A CDP that can tell its users so is told about these, and about no hold that one bad minute or an operator placed.
    """
    return frozenset(
        name.decode()
        for name, value in held.items()
        if decode(value).probed and decode(value).reason in OF_KEY and int(confirmed.get(name, 0)) >= CONFIRMED
    )


def of_connections(redis: Redis) -> dict[str, Hold]:
    """Every held connection."""
    held = cast("dict[bytes, bytes]", redis.hgetall(keys.HOLDS))
    return {name.decode(): decode(value) for name, value in held.items()}


def of_queue(redis: Redis, queue: Queue) -> Hold | None:
    """The hold on a queue or on its connection; the connection's comes first."""
    with redis.pipeline(transaction=False) as pipe:
        pipe.hget(keys.HOLDS, queue.connection)
        pipe.hget(keys.queue(queue), "hold")
        on_connection, on_queue = pipe.execute()
    held = on_connection or on_queue
    return decode(held) if held else None
