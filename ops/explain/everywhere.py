"""Find the queues that have a record of one person, without naming a queue. It reads and never writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from redis import Redis

from configuration.settings import Settings
from ops.explain.gather import query_in
from queues import census
from queues.counts import QueueCount
from queues.history import traces
from queues.names import Queue


@dataclass(frozen=True, slots=True)
class PersonPlace:
    """A queue that has a record of the person. `pending`, `letters`, `settled`: changes of the person by their end."""

    count: QueueCount
    pending: int
    letters: int
    settled: int


@dataclass(frozen=True, slots=True)
class PersonPlaces:
    """The result of a search. `searched`: the number of queues, of all `queues`; fewer if the time was over."""

    places: Sequence[PersonPlace]
    searched: int
    queues: int


def find_person(
    redis: Redis,
    known: Settings,
    queues: Sequence[Queue],
    given: str,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> PersonPlaces:
    """Return the queues with a record of the e-mail, phone or id `given`; stop after `seconds`.

    Klaviyo is not asked. Raises redis.RedisError.
    """
    places: list[PersonPlace] = []
    until = clock() + seconds
    for searched, queue in enumerate(queues):
        if clock() > until:
            return PersonPlaces(places, searched, len(queues))
        found = traces.find(redis, queue, query_in(redis, known, queue, given).keys)
        pending = len(found.waiting) + len(found.open)
        if pending or found.letters or found.outcomes:
            (count,) = census.count(redis, [queue])
            places.append(PersonPlace(count, pending, len(found.letters), len(found.outcomes)))
    return PersonPlaces(places, len(queues), len(queues))
