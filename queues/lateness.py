"""Late news: the time of the newest membership change of each person, kept for two days in each audience's queue.

A change that arrives with an older time is superseded by it, wherever a batch ended in between.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, cast

from redis import Redis

from queues import keys, scripts
from queues.change import Change
from queues.names import Queue

#: ms of a generation (48 h): what is kept is from this one and the one before, so that nothing goes earlier.
GENERATION_MS: Final = 48 * 3_600_000
_BUCKETS: Final = 256
#: People of a bucket; a million for a queue in two days. Beyond it the order holds within a batch only.
_MOST: Final = 4_096


#: People noted by one call, so that nobody waits for it long.
_AT_ONCE: Final = 1_000


class Newest(NamedTuple):
    """ms; 0 for none. `any`: by a change that carried the key. `alone`: by one that the key names."""

    any: int = 0
    alone: int = 0


def recall(redis: Redis, queue: Queue, persons: Iterable[str], now: int) -> dict[str, Newest]:
    """What is known under these person keys. `now`: ms. Raises redis.RedisError."""
    buckets = _by_bucket(persons)
    with redis.pipeline(transaction=False) as pipe:
        for name in _names(queue, now):
            for number, fields in buckets.items():
                pipe.hmget(f"{name}:{number}", cast("list[str]", list(fields.values())))
        answers = cast("list[list[bytes | None]]", pipe.execute())
    found: dict[str, list[bytes]] = {}
    for fields, values in zip([*buckets.values()] * 2, answers, strict=True):
        for person, value in zip(fields, values, strict=True):
            if value:
                found.setdefault(person, []).append(value)
    return {person: _newest(values) for person, values in found.items()}


def note(redis: Redis, queue: Queue, newest: Mapping[str, Newest], now: int) -> None:
    """Keep these times where they are newer than what is known. May be repeated. Raises redis.RedisError."""
    name, _ = _names(queue, now)
    told: dict[str, bytes] = {}
    people = 0
    for number, fields in _by_bucket(newest).items():
        told[f"{name}:{number}"] = b"".join(field + _packed(newest[person]) for person, field in fields.items())
        people += len(fields)
        if people >= _AT_ONCE:
            _note(redis, told)
            told, people = {}, 0
    if told:
        _note(redis, told)


def _note(redis: Redis, told: Mapping[str, bytes]) -> None:
    scripts.run(redis, "said", list(told), [2 * GENERATION_MS, _MOST, *told.values()])


def forget(redis: Redis, queue: Queue, persons: Iterable[str], now: int) -> None:
    """Keep nothing of a person who asked to be forgotten. Raises redis.RedisError."""
    buckets = _by_bucket(persons)
    with redis.pipeline(transaction=False) as pipe:
        for name in _names(queue, now):
            for number, fields in buckets.items():
                pipe.hdel(f"{name}:{number}", *cast("Iterable[str]", fields.values()))
        pipe.execute()


def times_of(changes: Iterable[Change]) -> dict[str, Newest]:
    """What these membership changes say, by person key. Pure."""
    found: dict[str, Newest] = {}
    for change in changes:
        for place, key in enumerate(change.keys):
            before, at = found.get(key, Newest()), change.body.at
            found[key] = Newest(max(before.any, at), max(before.alone, at) if place == 0 else before.alone)
    return found


def _names(queue: Queue, now: int) -> tuple[str, str]:
    """What the buckets of this generation are called but for their number, and those of the one before."""
    return keys.queue(queue, f"said:{now // GENERATION_MS}"), keys.queue(queue, f"said:{now // GENERATION_MS - 1}")


def _by_bucket(persons: Iterable[str]) -> dict[int, dict[str, bytes]]:
    """The fields of person keys, eight bytes each, by the number of their bucket."""
    found: dict[int, dict[str, bytes]] = {}
    for person in persons:
        digest = a2b_base64(person.replace("!", "/"))
        found.setdefault(digest[8] % _BUCKETS, {})[person] = digest[:8]
    return found


def _newest(stored: Sequence[bytes]) -> Newest:
    return Newest(*(max(int.from_bytes(each[at : at + 6]) for each in stored) for at in (0, 6)))


def _packed(times: Newest) -> bytes:
    return times.any.to_bytes(6) + times.alone.to_bytes(6)
