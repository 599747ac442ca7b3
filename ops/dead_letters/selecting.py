"""Select dead letters by id, or by queue, reason and age."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import click
from redis import Redis

from ops.errors import Failed
from ops.targets import find_queue
from queues import dead_letters, letter_scan
from queues.census import meant, take_letters, take_some
from queues.clock import now_ms
from queues.counts import QueueCount
from queues.dead_letters import DeadLetter
from queues.names import Queue

#: The format of an age: `30m`, `12h`, `7d`.
AGE: Final = r"([0-9]{1,10})([mhd])"
_UNITS_MS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000}
#: The format of the id of a letter.
ID: Final = r"[0-9]{1,15}-[0-9]{1,15}"


@dataclass(frozen=True, slots=True)
class LetterQuery:
    """The dead letters that are meant: those in `ids`, or without ids those that match the filters.

    `older_ms`: the minimum age in ms. `since`: the earliest time of death, in ms.
    """

    ids: tuple[str, ...] = ()
    queue: str | None = None
    reason: str | None = None
    older_ms: int = 0
    since: int = 0

    @property
    def everything(self) -> bool:
        """Return whether it selects all letters."""
        return self == LetterQuery()


#: A position in the order in which letters are found: the one after this letter.
After = tuple[Queue, str]
Found = tuple[QueueCount, DeadLetter]


def find(redis: Redis, wanted: LetterQuery, after: After | None = None) -> Iterator[Found]:
    """Yield the letters and their queues, in the order of the queues, oldest first in each.

    `after`: yield only the letters after it; not for `ids`. Raises Failed and click.UsageError.
    """
    chosen = None if wanted.queue is None else find_queue(wanted.queue, meant(redis, wanted.queue))
    counts = (take_letters(redis) if chosen is None else take_some(redis, [chosen])).queues
    if wanted.ids:
        yield from _named(redis, wanted.ids, counts)
        return
    latest = now_ms() - wanted.older_ms
    for count in counts:
        if after is None or count.queue >= after[0]:
            behind = after[1] if after and count.queue == after[0] else ""
            for letter in dead_letters.read(redis, count.queue, wanted.since, behind):
                if letter.at <= latest and wanted.reason in (None, letter.reason):
                    yield count, letter


def page(redis: Redis, wanted: LetterQuery, after: After | None, limit: int) -> tuple[list[Found], After | None]:
    """Return at most `limit` of the letters that `find` yields, and the position to continue from; None at the end."""
    found = list(islice(find(redis, wanted, after), limit + 1))
    more = found[:limit][-1][1] if len(found) > limit else None
    return found[:limit], (more.queue, more.id) if more else None


def selected_letters(redis: Redis, wanted: LetterQuery) -> dict[Queue, list[str]]:
    """Return the ids of the letters by queue, oldest first. Raises Failed and click.UsageError."""
    ids: dict[Queue, list[str]] = {}
    for count, letter in find(redis, wanted):
        ids.setdefault(count.queue, []).append(letter.id)
    return {queue: sorted(found, key=_place) for queue, found in ids.items()}


def check_id(given: str) -> None:
    """Raise click.UsageError for a text that cannot be the id of a letter."""
    if not re.fullmatch(ID, given):
        raise click.UsageError(f"{given!r} is not the id of a dead letter; an id looks like 1767225599999-0")


def _place(letter_id: str) -> tuple[int, int]:
    """Return the sort key of a letter."""
    at, nth = letter_id.split("-")
    return int(at), int(nth)


def _named(redis: Redis, ids: Sequence[str], counts: Sequence[QueueCount]) -> Iterator[Found]:
    by_queue = {count.queue: count for count in counts}
    for given in ids:
        check_id(given)
        at, nth = _place(given)
        found = letter_scan.some(redis, [(queue, f"{at}-{nth}") for queue in by_queue])
        if not found:
            raise Failed(f"there is no dead letter {given}; it was replayed, purged, or superseded by a newer change")
        if len(found) > 1:
            queues = ", ".join(str(letter.queue) for letter in found)
            raise click.UsageError(f"{given} is in several queues; add --queue with one of {queues}")
        yield by_queue[found[0].queue], found[0]


def age_ms(text: str) -> int:
    """Return an age in ms. Raises ValueError for a text that is not an age."""
    match = re.fullmatch(AGE, text)
    if match is None:
        raise ValueError(f"{text!r} is not an age such as 30m, 12h or 7d")
    return int(match[1]) * _UNITS_MS[match[2]]


def age(ms: int) -> str:
    """Return an age as text, the inverse of `age_ms`; `ms`: whole minutes."""
    return next(f"{ms // unit}{name}" for name, unit in _UNITS_MS.items() if ms % unit == 0)
