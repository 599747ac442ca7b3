"""Forgetting a person: everything that the ledger holds of them, by their person keys."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, cast

from redis import Redis

from queues import dead_letters, keys, scripts
from queues.change import decode, is_nobody
from queues.names import Queue
from queues.persons import BY_FIRST

#: What an address is not part of; escapes of JSON would else look like letters of it.
_ESCAPE: Final = re.compile(rb"\\+(?:u[0-9a-fA-F]{4}|.)")
_IN_ADDRESS: Final = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]"


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased. `open`: queues with a batch under way that holds the person; try again when it is settled."""

    pending: int
    letters: int
    open: tuple[Queue, ...]


class _Found(NamedTuple):
    is_open: int
    pending: int
    letters: int
    others: list[bytes]


def others(redis: Redis, queues: Iterable[Queue], persons: Collection[str], until: int, now: int) -> set[str]:
    """The keys besides these that changes of the person carry, in the queues and in open batches; nothing is changed.

    To be asked again with them, until there is none: what waits under one key leads to what waits under another.
    """
    found: set[str] = set()
    for queue in queues:
        answer = _run(redis, queue, persons, until, now, erases=False, of_snapshots=True)
        found |= {key.decode() for key in answer.others}
        if answer.is_open and queue.kind not in BY_FIRST:
            found |= {key for known in _open(redis, queue) if not known.isdisjoint(persons) for key in known}
    return found - set(persons)


def erase(
    redis: Redis, queues: Iterable[Queue], persons: Collection[str], until: int, now: int, *, of_snapshots: bool = False
) -> Erased:
    """Take a person out of these queues, under these person keys.

    `until`: ms at which the erasure was accepted; what came later is a new beginning and stays. With `of_snapshots`
    what a snapshot brought is none, whenever written down, unless the snapshot's own time is later. May be repeated.
    """
    answers = [
        (queue, _run(redis, queue, persons, until, now, erases=True, of_snapshots=of_snapshots)) for queue in queues
    ]
    return Erased(
        pending=sum(answer.pending for _, answer in answers),
        letters=sum(answer.letters for _, answer in answers),
        open=tuple(queue for queue, answer in answers if answer.is_open),
    )


def _run(
    redis: Redis,
    queue: Queue,
    persons: Collection[str],
    until: int,
    now: int,
    *,
    erases: bool,
    of_snapshots: bool,
) -> _Found:
    by_first = "1" if queue.kind in BY_FIRST else ""
    modes = ["1" if erases else "", by_first, "1" if of_snapshots else ""]
    args = [str(queue), now, f"{until:013d}", *modes, *sorted(persons)]
    return _Found(*scripts.run(redis, "erase", dead_letters.script_keys(queue), args))


def _open(redis: Redis, queue: Queue) -> Iterator[set[str]]:
    """The person keys of each change in an open batch."""
    for batch_id in cast("list[bytes]", redis.zrange(keys.queue(queue, "batches"), 0, -1)):
        for stored in cast("list[bytes]", redis.lrange(keys.batch(batch_id.decode(), "changes"), 0, -1)):
            yield set(decode(stored).keys)


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
