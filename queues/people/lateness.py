"""Late news: the time of the newest membership change of each person, kept for two days in each audience's queue.

A change that arrives with an older time is superseded by it, wherever a batch ended in between. People and identifiers
are the keyed hashes of identities.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, cast

from redis import Redis

from queues import keys, scripts
from queues.names import Queue

#: ms of a generation (48 h): what is kept is from this one and the one before, so that nothing goes earlier.
GENERATION_MS: Final = 48 * 3_600_000
_BUCKETS: Final = 256
#: People and identifiers of a bucket; a million for a queue in two days. Beyond it the order holds within a batch only.
_MOST: Final = 4_096
#: Those noted by one call, so that nobody waits for it long.
_AT_ONCE: Final = 1_000


class Newest(NamedTuple):
    """ms; 0 for none. `any`: by a change of the person, or one that carried the identifier. `removed`: by a removal
    that named no e-mail, so that the identifier said who leaves.
    """

    any: int = 0
    removed: int = 0


def recall(redis: Redis, queue: Queue, hashes: Iterable[bytes], now: int) -> dict[bytes, Newest]:
    """What is known of these people and identifiers. `now`: ms. Raises redis.RedisError."""
    buckets = _by_bucket(hashes)
    with redis.pipeline(transaction=False) as pipe:
        for name in _names(queue, now):
            for number, fields in buckets.items():
                pipe.hmget(f"{name}:{number}", cast("list[str]", fields))
        answers = cast("list[list[bytes | None]]", pipe.execute())
    found: dict[bytes, list[bytes]] = {}
    for fields, values in zip([*buckets.values()] * 2, answers, strict=True):
        for hashed, value in zip(fields, values, strict=True):
            if value:
                found.setdefault(hashed, []).append(value)
    return {hashed: _newest(values) for hashed, values in found.items()}


def note(redis: Redis, queue: Queue, newest: Mapping[bytes, Newest], now: int) -> None:
    """Keep these times where they are newer than what is known. May be repeated. Raises redis.RedisError."""
    name, _ = _names(queue, now)
    told: dict[str, bytes] = {}
    people = 0
    for number, fields in _by_bucket(newest).items():
        told[f"{name}:{number}"] = b"".join(field + _packed(newest[field]) for field in fields)
        people += len(fields)
        if people >= _AT_ONCE:
            _note(redis, told)
            told, people = {}, 0
    if told:
        _note(redis, told)


def _note(redis: Redis, told: Mapping[str, bytes]) -> None:
    scripts.run(redis, "said", list(told), [2 * GENERATION_MS, _MOST, *told.values()])


def forget(redis: Redis, queue: Queue, hashes: Iterable[bytes], now: int) -> None:
    """Keep nothing of a person who asked to be forgotten. Raises redis.RedisError."""
    buckets = _by_bucket(hashes)
    with redis.pipeline(transaction=False) as pipe:
        for name in _names(queue, now):
            for number, fields in buckets.items():
                pipe.hdel(f"{name}:{number}", *cast("list[str]", fields))
        pipe.execute()


def _names(queue: Queue, now: int) -> tuple[str, str]:
    """What the buckets of this generation are called but for their number, and those of the one before."""
    return keys.queue(queue, f"said:{now // GENERATION_MS}"), keys.queue(queue, f"said:{now // GENERATION_MS - 1}")


def _by_bucket(hashes: Iterable[bytes]) -> dict[int, list[bytes]]:
    """The fields, which are the hashes, by the number of their bucket."""
    found: dict[int, list[bytes]] = {}
    for hashed in hashes:
        found.setdefault(hashed[-1] % _BUCKETS, []).append(hashed)
    return found


def _newest(stored: Sequence[bytes]) -> Newest:
    return Newest(*(max(int.from_bytes(each[at : at + 6]) for each in stored) for at in (0, 6)))


def _packed(times: Newest) -> bytes:
    return times.any.to_bytes(6) + times.removed.to_bytes(6)
