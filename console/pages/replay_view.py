"""What a replay of dead letters would do, and what the last ones did. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from console.pages.act_view import held
from console.pages.dead_view import listed
from console.pages.last_action import SAID_MS
from console.pages.letter_counts import LetterCounts
from console.paging import PAGE
from queues.audit import AuditEntry
from queues.census import Census
from queues.counts import QueueCount, called
from text.wording import duration, plural


@dataclass(frozen=True, slots=True)
class ReplayLine:
    """What would happen in one queue."""

    name: str
    id: str
    letters: int
    reasons: str
    effect: str


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay. `untold`: queues counted but not listed. `stay`: how many letters cannot be put back now, and why."""

    letters: int
    lines: list[ReplayLine]
    untold: int
    stay: str


def replay(census: Census, found: LetterCounts, stay: int) -> Replay:
    """Return what to show before confirmation. `stay`: letters of people in batches in progress."""
    by_queue = found.by_queue()
    lines = [_line(count, census, why) for count in census.queues if (why := by_queue.get(count.queue))]
    return Replay(found.counts.total(), lines[:PAGE], len(lines[PAGE:]), _stays(stay) if stay else "")


def _line(count: QueueCount, census: Census, why: Counter[str]) -> ReplayLine:
    return ReplayLine(called(count), str(count.queue), why.total(), listed(why), _effect(count, census))


def _effect(count: QueueCount, census: Census) -> str:
    pending = count.waiting.pending
    before = f"put before {plural(pending, 'pending change')}" if pending else "no other pending changes"
    if hold := census.holds.get(count.queue.connection) or count.hold:
        return f"{before}; held ({held('', hold, census.at).reason}), sent after release"
    age = duration(count.policy.age_ms)
    return f"{before}; sent at once if accepted over {age} ago, else with the next upload"


def replayed(entries: Iterable[AuditEntry], who: str, now: int) -> tuple[str, Sequence[str]]:
    """Return what the user replayed within the last minute, in words, and into which queues; empty for nothing.

    It is read from the audit log, as in last_action.py. The entries of one replay are added up.
    """
    own = [each for each in entries if (each.who, each.what) == (who, "replay") and each.at > now - SAID_MS]
    if not own:
        return "", ()
    back, stayed = (sum(each.counts.get(name, 0) for each in own) for name in ("replayed", "stayed"))
    sentence = f"You replayed {plural(back, 'dead letter')} within the last minute"
    if stayed:
        sentence += f"; {_stays(stayed)}"
    return f"{sentence}.", sorted({each.on for each in own if each.counts.get("replayed")})


def _stays(letters: int) -> str:
    stay = plural(letters, "letter stays", "letters stay")
    return f"{stay}, because a delivery of the same person is in progress: replay again once it is settled"
