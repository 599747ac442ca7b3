"""Lateness: the time of each person's newest membership change, kept for two days in each audience's queue.

A change that arrives with an older time is superseded, even if its batch is a later one. People and identifiers are the
keyed hashes of identities.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, cast

from redis import Redis

from queues import keys, scripts
from queues.names import Queue

#: ms of a generation (48 h). The current and the previous one are kept, so that nothing expires earlier.
GENERATION_MS: Final = 48 * 3_600_000
_BUCKETS: Final = 256
#: Entries of a bucket; a million per queue in two days. Beyond that, order is only kept within a batch.
_MOST: Final = 4_096
#: Bytes of a field, and of a field with its times.
_FIELD: Final = 8
_ENTRY: Final = 20
#: Entries written or read by one call, so that it blocks Redis briefly.
_AT_ONCE: Final = 1_000


class Newest(NamedTuple):
    """The newest times in ms, 0 for none. `any`: of a change of the person or with the identifier.

    `alone`: of a change in which the identifier alone named the person: of an id, a removal without an e-mail; of an
    e-mail, a change without an id that has one e-mail at a time, because several ids may have the e-mail.
    """

    any: int = 0
    alone: int = 0


def recall(redis: Redis, queue: Queue, hashes: Iterable[bytes], now: int) -> dict[bytes, Newest]:
    """Return the newest times of these people and identifiers. `now`: ms. Raises redis.RedisError."""
    found: dict[bytes, list[bytes]] = {}
    for entries in scripts.run_each(redis, "newest", _calls(queue, _by_bucket(hashes), now)):
        for at in range(0, len(entries), _ENTRY):
            found.setdefault(entries[at : at + _FIELD], []).append(entries[at + _FIELD : at + _ENTRY])
    return {hashed: _newest(values) for hashed, values in found.items()}


def _calls(queue: Queue, buckets: Mapping[int, list[bytes]], now: int) -> list[tuple[list[str], list[bytes]]]:
    """Return the keys and arguments of the calls that read these fields of both generations."""
    calls: list[tuple[list[str], list[bytes]]] = []
    asked = _AT_ONCE
    for name in _names(queue, now):
        for number, fields in buckets.items():
            if asked + len(fields) > _AT_ONCE:
                calls.append(([], []))
                asked = 0
            calls[-1][0].append(f"{name}:{number}")
            calls[-1][1].append(b"".join(fields))
            asked += len(fields)
    return calls


def note(redis: Redis, queue: Queue, newest: Mapping[bytes, Newest], now: int) -> None:
    """Store these times if they are newer than the known ones. May be repeated. Raises redis.RedisError."""
    name, _ = _names(queue, now)
    entries: dict[str, bytes] = {}
    people = 0
    for number, fields in _by_bucket(newest).items():
        entries[f"{name}:{number}"] = b"".join(field + _packed(newest[field]) for field in fields)
        people += len(fields)
        if people >= _AT_ONCE:
            _note(redis, entries)
            entries, people = {}, 0
    if entries:
        _note(redis, entries)


def _note(redis: Redis, entries: Mapping[str, bytes]) -> None:
    scripts.run(redis, "said", list(entries), [2 * GENERATION_MS, _MOST, *entries.values()])


def forget(redis: Redis, queue: Queue, hashes: Iterable[bytes], now: int) -> None:
    """Delete the times of a person who asked to be forgotten. Raises redis.RedisError."""
    buckets = _by_bucket(hashes)
    with redis.pipeline(transaction=False) as pipe:
        for name in _names(queue, now):
            for number, fields in buckets.items():
                pipe.hdel(f"{name}:{number}", *cast("list[str]", fields))
        pipe.execute()


def _names(queue: Queue, now: int) -> tuple[str, str]:
    """Return the names, without number, of this generation's buckets and of the previous one's."""
    return keys.queue(queue, f"said:{now // GENERATION_MS}"), keys.queue(queue, f"said:{now // GENERATION_MS - 1}")


def _by_bucket(hashes: Iterable[bytes]) -> dict[int, list[bytes]]:
    """Group the hashes, which are the fields, by the number of their bucket."""
    found: dict[int, list[bytes]] = {}
    for hashed in hashes:
        found.setdefault(hashed[-1] % _BUCKETS, []).append(hashed)
    return found


def _newest(stored: Sequence[bytes]) -> Newest:
    return Newest(*(max(int.from_bytes(each[at : at + 6]) for each in stored) for at in (0, 6)))


def _packed(times: Newest) -> bytes:
    return times.any.to_bytes(6) + times.alone.to_bytes(6)
