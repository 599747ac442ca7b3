"""The alerts in the ledger: which are raised, since when, and which channels were notified."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, cast

import msgspec
from redis import Redis

from queues import keys

#: ms between two judgings, for all processes together. A judging takes less (alerts/watching.py), so none overlap.
EVERY_MS: Final = 60_000
_encode = msgspec.json.Encoder(order="deterministic").encode


class Alert(msgspec.Struct, frozen=True):
    """A problem. `id`: the same as long as it lasts. `rule`: its name in the settings. `on`: what it is about.

    `text`: what is wrong; `remedy`: what to do. Neither contains personal data.
    """

    id: str
    rule: str
    on: str
    text: str
    remedy: str


class Raised(msgspec.Struct, frozen=True):
    """An alert that is or was raised. `since`, `over`: ms. `told`: channels that know it as raised."""

    alert: Alert
    since: int
    over: int | None = None
    told: frozenset[str] = frozenset()


_decode = msgspec.json.Decoder(Raised).decode


def my_turn(redis: Redis) -> bool:
    """Return whether the caller may judge now; no other process may within the minute. Raises redis.RedisError."""
    return bool(redis.set(keys.ALERTS_JUDGING, 1, nx=True, px=EVERY_MS))


def note_judging(redis: Redis, at: int) -> None:
    """Record that alerts were judged at `at` (ms). Raises redis.RedisError."""
    redis.hset(keys.ALERTS_SEEN, "judge", at)


def judged(redis: Redis) -> int | None:
    """Return the ms at which alerts were last judged, None before the first time. Raises redis.RedisError."""
    at = cast("bytes | None", redis.hget(keys.ALERTS_SEEN, "judge"))
    return None if at is None else int(at)


def raised(redis: Redis) -> list[Raised]:
    """Return all remembered alerts, oldest first. Raises redis.RedisError."""
    stored = cast("dict[bytes, bytes]", redis.hgetall(keys.ALERTS))
    return sorted(map(_decode, stored.values()), key=lambda each: (each.since, each.alert.id))


def remember(redis: Redis, known: Collection[Raised]) -> None:
    """Store these alerts. Raises redis.RedisError."""
    if known:
        redis.hset(keys.ALERTS, mapping={each.alert.id: _encode(each) for each in known})


def forget(redis: Redis, ids: Collection[str]) -> None:
    """Delete alerts of whose end all channels were notified. Raises redis.RedisError."""
    if ids:
        redis.hdel(keys.ALERTS, *ids)


def last_seen(redis: Redis, process: str, at: int | None, now: int) -> int:
    """Return the ms at which a process of that kind was last seen, or first missed if it never was seen.

    `at`: ms if one is seen now, else None. Raises redis.RedisError.
    """
    if at is None:
        redis.hsetnx(keys.ALERTS_SEEN, process, now)
        return int(redis.hget(keys.ALERTS_SEEN, process) or now)
    redis.hset(keys.ALERTS_SEEN, process, at)
    return at
