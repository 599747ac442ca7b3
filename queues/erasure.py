"""Forgetting a person: finds what the ledger has under person keys, and removes what belongs to the person.

The caller decides by the change itself who it belongs to, because several people may share a key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

from redis import Redis

from queues import dead_letters, keys, scripts
from queues.change import Change, blank, decode, is_blank, is_nobody
from queues.names import Queue, erasures_of

#: Characters of an address; JSON escapes are removed first, since they would look like part of it.
_ESCAPE: Final = re.compile(rb"\\+(?:u[0-9a-fA-F]{4}|.)")
_IN_ADDRESS: Final = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]"

#: Person keys in one call of a script.
_ASKED: Final = 1_000


class LetterToErase(NamedTuple):
    """The id and the change of a dead letter."""

    id: str
    change: Change


class BatchPosition(NamedTuple):
    """A change in an open batch. `number`: its index, from 0."""

    batch: str
    number: int
    change: Change


@dataclass(frozen=True, slots=True)
class Carried:
    """The contents of a queue under some person keys. `pending`: stored forms, equal ones included."""

    pending: Sequence[bytes]
    letters: Sequence[LetterToErase]
    open: Sequence[BatchPosition]


class Erased(NamedTuple):
    """The numbers of pending changes and dead letters that were erased."""

    pending: int
    letters: int


def carried(redis: Redis, queue: Queue, persons: Collection[str]) -> Carried:
    """Return everything in a queue that carries one of these person keys. Raises redis.RedisError."""
    wanted = sorted(persons)
    if not wanted:
        return Carried((), (), ())
    parts = [keys.queue(queue, part) for part in ("pending", "dead", "buried", "open")]
    is_open, waiting, letters = scripts.run(redis, "carried", parts, wanted)
    pairs = zip(letters[::2], letters[1::2], strict=True)
    return Carried(
        waiting,
        [LetterToErase(letter_id.decode(), decode(change)) for letter_id, change in pairs],
        list(_open(redis, queue, frozenset(wanted))) if is_open else (),
    )


def requested(redis: Redis, connection: str, persons: Collection[str]) -> Carried:
    """Return the requests for erasure that carry one of these person keys, as `carried`, for any number of keys."""
    queue, wanted = erasures_of(connection), sorted(persons)
    parts = [carried(redis, queue, wanted[start : start + _ASKED]) for start in range(0, len(wanted), _ASKED)]
    return Carried(
        [each for part in parts for each in part.pending],
        [each for part in parts for each in part.letters],
        [each for part in parts for each in part.open],
    )


def _open(redis: Redis, queue: Queue, persons: frozenset[str]) -> Iterator[BatchPosition]:
    for name in cast("list[bytes]", redis.zrange(keys.queue(queue, "batches"), 0, -1)):
        batch_id = name.decode()
        stored = cast("list[bytes]", redis.lrange(keys.batch(batch_id, "changes"), 0, -1))
        for number, change in enumerate(map(decode, stored)):
            if not persons.isdisjoint(change.keys) and not is_blank(change):
                yield BatchPosition(batch_id, number, change)


def erase(redis: Redis, queue: Queue, changes: Collection[bytes], letters: Collection[str], now: int) -> Erased:
    """Remove these pending changes (their exact stored forms) and these dead letters from a queue.

    Changes taken and letters replayed meanwhile stay and are not counted. May be repeated. Raises redis.RedisError.
    """
    if not changes and not letters:
        return Erased(0, 0)
    wanted = list(dict.fromkeys(changes))
    args: list[Any] = [str(queue), now, len(wanted), *wanted, *letters]
    return Erased(*scripts.run(redis, "erase", dead_letters.script_keys(queue)[:5], args))


def blank_out(
    redis: Redis, batch_id: str, changes: Mapping[int, Change], progress_before: bytes, progress: bytes
) -> bool:
    """Reduce changes of an open batch, given by index, to their keys; return False if that is not possible now.

    `progress_before`: as the caller read it; `progress`: the new value. Raises redis.RedisError.
    """
    digest = hashlib.sha1(progress_before, usedforsecurity=False).hexdigest()
    args: list[Any] = [digest, progress]
    for index, change in changes.items():
        args += [index, blank(change)]
    return bool(scripts.run(redis, "blank", [keys.batch(batch_id), keys.batch(batch_id, "changes")], args))


def erase_unreadable(redis: Redis, queues: Iterable[Queue], email: str, until: int) -> int:
    """Delete the dead letters that mention an address and carry no person key; return how many.

    They could not be read well enough to identify a person. They stay counted as dead.
    """
    address = re.escape(email.encode())
    wanted = re.compile(rb"(?<!%b)%b(?!%b)" % (_IN_ADDRESS, address, _IN_ADDRESS), re.IGNORECASE)
    purged = 0
    for queue in queues:
        ids = [
            letter.id
            for letter in dead_letters.read(redis, queue)
            if letter.change.accepted_at <= until
            and all(is_nobody(key) for key in letter.change.keys)
            and wanted.search(_ESCAPE.sub(b" ", bytes(letter.change.body.person)))
        ]
        purged += dead_letters.purge(redis, queue, ids) if ids else 0
    return purged
