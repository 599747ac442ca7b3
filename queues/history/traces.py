"""Traces: everything in one queue that belongs to one person, at any stage. It writes only an index of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final, cast

from redis import Redis

from queues import dead_letters, keys, scripts, unsettled
from queues.change import Change, Ours, carrying, decode, is_blank, names, whose
from queues.clock import now_ms
from queues.dead_letters import DeadLetter
from queues.history import batches
from queues.history.outcomes import ChangeOutcome
from queues.names import Queue

#: Changes read in one round trip, or indexed by one call, so that it blocks Redis briefly.
_AT_ONCE: Final = 1_000
#: Person keys looked up by one call.
_KEYS_AT_ONCE: Final = 50
#: ms for which an index of pending changes is used.
USED_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class PendingChange:
    """A pending change. `place`: 1 for the next one to be taken."""

    change: Change
    place: int


@dataclass(frozen=True, slots=True)
class OpenChange:
    """A change in an open batch."""

    change: Change
    batch: str


@dataclass(frozen=True, slots=True)
class Traces:
    """The traces of a person. `keys`: all keys of the person that were found. `outcomes`: in order of settlement."""

    keys: frozenset[str]
    waiting: tuple[PendingChange, ...] = ()
    open: tuple[OpenChange, ...] = ()
    letters: tuple[DeadLetter, ...] = ()
    outcomes: tuple[ChangeOutcome, ...] = ()

    @property
    def changes(self) -> list[Change]:
        """The changes that still have the CDP's fragment."""
        places: tuple[PendingChange | OpenChange | DeadLetter, ...] = (*self.waiting, *self.open, *self.letters)
        return [each.change for each in places]


def find(redis: Redis, queue: Queue, persons: Collection[str]) -> Traces:
    """Return the traces of the people whom these person keys lead to. Raises redis.RedisError.

    Reads all pending changes (a million in about ten seconds) and the whole history, twice, without blocking others.
    """
    asked = frozenset(persons)
    first = _look(redis, queue, carrying(asked), asked)
    known = names(asked, [*(change.keys for change in first.changes), *(each.keys for each in first.outcomes)])
    if known == asked:
        return first
    is_named, carries = whose(known), carrying(asked)
    return _look(redis, queue, lambda keys: is_named(keys) or carries(keys), known)


def undelivered(redis: Redis, queue: Queue, persons: Collection[str]) -> Iterator[Change]:
    """Yield the pending changes with one of these keys, then those in open batches; see `by_index`.

    A change taken meanwhile may appear twice; none is missed. Raises redis.RedisError.
    """
    ours, found = carrying(persons), by_index(redis, queue, persons)
    yield from found if found is not None else (each.change for each in _waiting(redis, queue, ours))
    if any(redis.smismember(keys.queue(queue, "open"), list(persons))):
        yield from (each.change for each in _open(redis, queue, ours))


def by_index(redis: Redis, queue: Queue, persons: Collection[str]) -> list[Change] | None:
    """Return the pending changes that carry one of these person keys behind the key that names their person.

    Found by an index of the queue. Events ask for the e-mails that their ids have in pending changes. The index is made
    when they ask, from the changes that have arrived since it was last used: accepting a change costs nothing more, and
    each pending change is read once and not for each batch of events. Replays, erasures and takings that pass over
    people move changes, so they discard it. A change found by it is compared with the keys, so an index that is wrong
    finds too little and never too much.

    Of changes with the same key the last ones, about forty. Returns None if Redis is short of memory or the queue was
    altered meanwhile: then the caller reads all changes. Raises redis.RedisError.
    """
    stored = [keys.queue(queue), keys.queue(queue, "pending")]
    while (left := scripts.run(redis, "index", stored, [now_ms(), _AT_ONCE, USED_MS])) > 0:
        pass
    if left < 0:
        return None
    found: dict[bytes, None] = {}
    asked = sorted(persons)
    for start in range(0, len(asked), _KEYS_AT_ONCE):
        some = scripts.run(redis, "seek", stored, asked[start : start + _KEYS_AT_ONCE])
        if some is None:
            return None
        found |= dict.fromkeys(cast("list[bytes]", some))
    return [decode(change) for change in found]


def _look(redis: Redis, queue: Queue, ours: Ours, persons: frozenset[str]) -> Traces:
    # In the order of a change's stages, so that a change that moves on meanwhile is not missed.
    waiting = tuple(_waiting(redis, queue, ours))
    opened = tuple(_open(redis, queue, ours))
    letters = tuple(letter for letter in dead_letters.read(redis, queue) if ours(letter.change.keys))
    outcomes = tuple(batches.of_person(redis, queue, persons, ours))
    return Traces(persons, waiting, opened, letters, outcomes)


def _waiting(redis: Redis, queue: Queue, ours: Ours) -> Iterator[PendingChange]:
    """Read from the end: new changes cause at most a second reading, and takes move only those passed over."""
    found: dict[bytes, int] = {}
    last, total, before = -1, redis.llen(keys.queue(queue, "pending")), None
    while True:
        gone, page = unsettled.page(redis, queue, last - _AT_ONCE + 1, last)
        moved, before = gone - (gone if before is None else before), gone
        if moved:  # changes passed over are nearer to the end now
            last = min(-1, last + moved)
            continue
        if not page:
            break
        for behind, stored in enumerate(reversed(page)):
            if ours(_keys(stored)):
                found[stored] = max(1, total + last - behind + 1)
        last -= _AT_ONCE
    for stored, place in reversed(found.items()):
        yield PendingChange(decode(stored), place)


def _open(redis: Redis, queue: Queue, ours: Ours) -> Iterator[OpenChange]:
    for batch_id, stored in unsettled.in_batches(redis, queue):
        if ours(_keys(stored)) and not is_blank(change := decode(stored)):
            yield OpenChange(change, batch_id)


def _keys(stored: bytes) -> list[str]:
    """Return the person keys of a stored change, which is quicker than decoding it (change.py)."""
    return [stored[14 + 16 * i : 30 + 16 * i].decode() for i in range(int(stored[:1]))]
