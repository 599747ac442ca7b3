"""Forgetting a person: what the ledger holds under person keys, and taking out of it what is the person's.

Whose a change is, the caller decides by the change itself: a key may be of several people.
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
from queues.names import Queue

#: What an address is not part of; escapes of JSON would else look like letters of it.
_ESCAPE: Final = re.compile(rb"\\+(?:u[0-9a-fA-F]{4}|.)")
_IN_ADDRESS: Final = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]"


class LetterToErase(NamedTuple):
    """A dead letter, of which only the change is looked at."""

    id: str
    change: Change


class BatchPosition(NamedTuple):
    """A change in an open batch. `number`: its index, from 0."""

    batch: str
    number: int
    change: Change


@dataclass(frozen=True, slots=True)
class Carried:
    """What a queue holds under some person keys. `pending`: the stored forms; equal ones are all in it."""

    pending: Sequence[bytes]
    letters: Sequence[LetterToErase]
    open: Sequence[BatchPosition]


class Erased(NamedTuple):
    """How many changes that waited, and how many dead letters, were erased."""

    pending: int
    letters: int


def carried(redis: Redis, queue: Queue, persons: Collection[str]) -> Carried:
    """Everything in a queue that carries one of these person keys. Raises redis.RedisError."""
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


def _open(redis: Redis, queue: Queue, persons: frozenset[str]) -> Iterator[BatchPosition]:
    for name in cast("list[bytes]", redis.zrange(keys.queue(queue, "batches"), 0, -1)):
        batch_id = name.decode()
        stored = cast("list[bytes]", redis.lrange(keys.batch(batch_id, "changes"), 0, -1))
        for number, change in enumerate(map(decode, stored)):
            if not persons.isdisjoint(change.keys) and not is_blank(change):
                yield BatchPosition(batch_id, number, change)


def erase(redis: Redis, queue: Queue, changes: Collection[bytes], letters: Collection[str], now: int) -> Erased:
    """Take these changes that wait, word for word, and these dead letters out of a queue.

    What was taken or replayed meanwhile stays and is not counted. May be repeated. Raises redis.RedisError.
    """
    if not changes and not letters:
        return Erased(0, 0)
    wanted = list(dict.fromkeys(changes))
    args: list[Any] = [str(queue), now, len(wanted), *wanted, *letters]
    return Erased(*scripts.run(redis, "erase", dead_letters.script_keys(queue)[:5], args))


def blank_out(
    redis: Redis, batch_id: str, changes: Mapping[int, Change], progress_before: bytes, progress: bytes
) -> bool:
    """Leave nothing but the keys of these changes of an open batch, by index; False where that cannot be now.

    `progress_before`: as the caller saw it; `progress`: what it is from now on. Raises redis.RedisError.
    """
    digest = hashlib.sha1(progress_before, usedforsecurity=False).hexdigest()
    args: list[Any] = [digest, progress]
    for index, change in changes.items():
        args += [index, blank(change)]
    return bool(scripts.run(redis, "blank", [keys.batch(batch_id), keys.batch(batch_id, "changes")], args))


def erase_unreadable(redis: Redis, queues: Iterable[Queue], email: str, until: int) -> int:
    """Delete the dead letters that mention an address and carry no key of a person; how many.

    They are what could not be read well enough to tell whose it is. They stay counted as dead.
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
