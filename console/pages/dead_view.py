"""Dead letters as their page shows them: totals by reason and queue, and one by one. Pure; without personal data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from console.pages.letter_counts import LetterCounts
from console.pages.letter_filter import LetterFilter
from console.pages.letter_ref import LetterRef
from ops.dead_letters.reasons import Remedy, remedy
from ops.dead_letters.view import summary
from queues.census import Census
from queues.counts import called
from queues.dead_letters import DeadLetter
from queues.names import Queue
from text.wording import duration, number, plural

#: Most reasons shown as cards, and named besides: the number of Klaviyo's codes is not limited.
_CARDS: Final = 10
_NAMED: Final = 50
#: Most queues listed for each of several reasons, and for one that was selected.
_QUEUES: Final = 5
_ALL_QUEUES: Final = 50
_HELPS: Final = ("now", "later", "never")


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """A reason with its letters. `address`: of the page with only these letters.

    `queues`: names, letters and addresses of the fullest queues; `more`: the number of the others.
    """

    reason: str
    letters: int
    remedy: Remedy
    address: str
    queues: list[tuple[str, int, str]]
    more: int


@dataclass(frozen=True, slots=True)
class LetterLine:
    """A letter. `ref`: its name in forms. `at`: its death, ms. `where`: places and ids of Klaviyo or the mapping."""

    ref: str
    path: str
    id: str
    at: int
    ago: str
    name: str
    queue: str
    reason: str
    tries: str
    action: str
    where: str


@dataclass(frozen=True, slots=True)
class DeadLettersView:
    """The page. `fit`: letters that match the filter. `earlier`: address of the next page, empty on the last one.

    `others`: reasons without a card. `choices`: queues to choose from, as id and words.
    """

    at: int
    fit: int
    reasons: list[ReasonLine]
    others: list[ReasonLine]
    letters: list[LetterLine]
    earlier: str
    choices: list[tuple[str, str]]


def dead(census: Census, found: LetterCounts, wanted: LetterFilter) -> DeadLettersView:
    """Return what to show."""
    every = reasons(census, found, wanted)
    return DeadLettersView(
        at=census.at,
        fit=found.counts.total(),
        reasons=every[:_CARDS],
        others=every[_CARDS:],
        letters=lines(census, found.page),
        earlier=wanted.behind(str(found.more)) if found.more else "",
        choices=[
            (str(count.queue), f"{called(count)}, {count.queue} ({number(count.kept)})")
            for count in wanted.choices(census)
        ],
    )


def reasons(census: Census, found: LetterCounts, wanted: LetterFilter) -> list[ReasonLine]:
    """Return the reasons of the letters: those that a replay can help first, then the most frequent."""
    counts: Counter[str] = Counter()
    for (_, reason), letters in found.counts.items():
        counts[reason] += letters
    names = {count.queue: called(count) for count in census.queues}
    most = _ALL_QUEUES if wanted.reason else _QUEUES
    lines = [
        _reason(names, found, wanted.but(reason=reason), letters, most)
        for reason, letters in counts.most_common(_NAMED)
    ]
    return sorted(lines, key=lambda line: _HELPS.index(line.remedy.replay))


def _reason(names: Mapping[Queue, str], found: LetterCounts, only: LetterFilter, letters: int, most: int) -> ReasonLine:
    queues = Counter({queue: count for (queue, reason), count in found.counts.items() if reason == only.reason})
    fullest = [(names[queue], count, only.but(queue=str(queue)).address) for queue, count in queues.most_common(most)]
    return ReasonLine(only.reason, letters, remedy(only.reason), only.address, fullest, len(queues) - len(fullest))


def listed(why: Counter[str]) -> str:
    """Return counts of the most frequent reasons: `3 no_email, 2 malformed`."""
    return ", ".join(f"{number(letters)} {reason}" for reason, letters in why.most_common(_CARDS))


def lines(census: Census, letters: Sequence[DeadLetter]) -> list[LetterLine]:
    """Return the letters one by one, in their order."""
    names = {count.queue: count for count in census.queues}
    return [_line(letter, called(names[letter.queue]), census.at) for letter in letters]


def _line(letter: DeadLetter, name: str, now: int) -> LetterLine:
    ref = str(LetterRef.of(letter))
    document = summary(letter, name)
    return LetterLine(
        ref=ref,
        path=f"/dead/{ref}",
        id=letter.id,
        at=letter.at,
        ago=duration(now - letter.at),
        name=name,
        queue=str(letter.queue),
        reason=letter.reason,
        tries=plural(letter.attempts, "failed attempt", "failed attempts") if letter.attempts else "",
        action=document.action,
        where=places(document.where.items()),
    )


def places(where: Iterable[tuple[str, object]]) -> str:
    """Return names and values: `field email, error_id 1f-2`."""
    return ", ".join(f"{name} {value}" for name, value in where)
