"""Which dead letters are meant: by id, or by queue, reason and age."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click
from redis import Redis

from ops.errors import Failed
from ops.targets import find_queue
from queues import dead_letters
from queues.census import take_census
from queues.clock import now_ms
from queues.counts import QueueCount
from queues.dead_letters import DeadLetter

_ID = re.compile(r"\d+-\d+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """`ids` names letters one by one; without them the filters say which. `older_ms`: died at least so long ago."""

    ids: tuple[str, ...] = ()
    queue: str | None = None
    reason: str | None = None
    older_ms: int = 0

    @property
    def everything(self) -> bool:
        """Whether nothing narrows it down."""
        return self == Wanted()


def find(redis: Redis, wanted: Wanted) -> Iterator[tuple[QueueCount, DeadLetter]]:
    """The letters and their queues, oldest first in each queue. Raises Failed, click.UsageError."""
    counts = take_census(redis).queues
    if wanted.queue is not None:
        chosen = find_queue(wanted.queue, counts)
        counts = tuple(count for count in counts if count.queue == chosen)
    if wanted.ids:
        yield from _named(redis, wanted.ids, counts)
        return
    latest = now_ms() - wanted.older_ms
    for count in counts:
        for letter in dead_letters.read(redis, count.queue):
            if letter.at <= latest and wanted.reason in (None, letter.reason):
                yield count, letter


def _named(redis: Redis, ids: Sequence[str], counts: Sequence[QueueCount]) -> Iterator[tuple[QueueCount, DeadLetter]]:
    for given in ids:
        if not _ID.fullmatch(given):
            raise click.UsageError(f"{given!r} is not the id of a dead letter; they look like 1767225599999-0")
        found = [(count, letter) for count in counts for letter in _with_id(redis, count, given)]
        if not found:
            raise Failed(f"there is no dead letter {given}; it was replayed, purged, or overtaken by a later change")
        if len(found) > 1:
            queues = ", ".join(str(count.queue) for count, _ in found)
            raise click.UsageError(f"{given} is in several queues; add --queue with one of {queues}")
        yield found[0]


def _with_id(redis: Redis, count: QueueCount, given: str) -> Iterator[DeadLetter]:
    moment = int(given.partition("-")[0])
    for letter in dead_letters.read(redis, count.queue, moment):
        if letter.at > moment:
            return
        if letter.id == given:
            yield letter
