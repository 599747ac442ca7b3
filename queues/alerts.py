"""What the ledger remembers of alerts: which are raised and since when, and who was told."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, cast

import msgspec
from redis import Redis

from queues import keys

#: ms between two judgings, for all processes together. One takes less (alerts/watching.py): no two overlap.
EVERY_MS: Final = 60_000


class Alert(msgspec.Struct, frozen=True):
    """Something is wrong. `id`: the same as long as it lasts. `rule`: a name of the settings. `on`: what it is about.

    `text`: what is wrong, `remedy`: what to do; neither holds anything of a person.
    """

    id: str
    rule: str
    on: str
    text: str
    remedy: str


class Raised(msgspec.Struct, frozen=True):
    """An alert that is raised, or was. `since`, `over`: ms. `told`: the channels that know of it as raised."""

    alert: Alert
    since: int
    over: int | None = None
    told: frozenset[str] = frozenset()


_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(Raised).decode


def my_turn(redis: Redis) -> bool:
    """Whether the caller is to judge now; nobody else is within the minute. Raises redis.RedisError."""
    return bool(redis.set(keys.ALERTS_JUDGING, 1, nx=True, px=EVERY_MS))


def note_judging(redis: Redis, at: int) -> None:
    """Alerts were judged at `at` (ms). Raises redis.RedisError."""
    redis.hset(keys.ALERTS_SEEN, "judge", at)


def judged(redis: Redis) -> int | None:
    """The ms at which alerts were judged last, None before the first time. Raises redis.RedisError."""
    at = cast("bytes | None", redis.hget(keys.ALERTS_SEEN, "judge"))
    return None if at is None else int(at)


def raised(redis: Redis) -> list[Raised]:
    """Every alert that is remembered, oldest first. Raises redis.RedisError."""
    stored = cast("dict[bytes, bytes]", redis.hgetall(keys.ALERTS))
    return sorted(map(_decode, stored.values()), key=lambda each: (each.since, each.alert.id))


def remember(redis: Redis, known: Collection[Raised]) -> None:
    """Write these down. Raises redis.RedisError."""
    if known:
        redis.hset(keys.ALERTS, mapping={each.alert.id: _encode(each) for each in known})


def forget(redis: Redis, ids: Collection[str]) -> None:
    """Of these nobody has anything to be told any more. Raises redis.RedisError."""
    if ids:
        redis.hdel(keys.ALERTS, *ids)


def last_seen(redis: Redis, process: str, at: int | None, now: int) -> int:
    """The ms at which a process of that kind was seen last; one that never was counts as seen when it was first missed.

    `at`: ms, where one is seen now. Raises redis.RedisError.
    """
    if at is None:
        redis.hsetnx(keys.ALERTS_SEEN, process, now)
        return int(redis.hget(keys.ALERTS_SEEN, process) or now)
    redis.hset(keys.ALERTS_SEEN, process, at)
    return at
