"""Small charts: the changes delivered per hour within a day, also in words, and bars for a queue's next flush. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from queues.counts import QueueCount
from queues.history.hours import TOLD, Hour
from queues.policy import counted_from
from text.wording import clock, number, plural, span

#: Units of the chart. Each hour has a column: delivered changes above the axis, dead letters below it, so that no
#: colour is needed to distinguish them.
_COLUMN: Final = 4
_UP: Final = 20
_DOWN: Final = 7
_BOX: Final = f"0 0 {_COLUMN * TOLD} {_UP + 1 + _DOWN}"
_AXIS: Final = f"M0 {_UP}h{_COLUMN * TOLD}v1h-{_COLUMN * TOLD}z"


@dataclass(frozen=True, slots=True)
class Spark:
    """A chart. `box`: the viewBox of an SVG; `axis`, `delivered`, `dead`: paths in it. `told`: the same in words."""

    delivered: str
    dead: str
    told: str
    box: str = _BOX
    axis: str = _AXIS


def spark(hours: Sequence[Hour]) -> Spark:
    """Return a chart of the last hours, each in proportion to the best hour."""
    most = max((hour.delivered for hour in hours), default=0)
    worst = max((hour.dead for hour in hours), default=0)
    delivered = "".join(
        f"M{_COLUMN * index} {_UP}v-{_height(hour.delivered, most, _UP)}h{_COLUMN - 1}V{_UP}z"
        for index, hour in enumerate(hours)
        if hour.delivered
    )
    dead = "".join(
        f"M{_COLUMN * index} {_UP + 1}v{_height(hour.dead, worst, _DOWN)}h{_COLUMN - 1}V{_UP + 1}z"
        for index, hour in enumerate(hours)
        if hour.dead
    )
    return Spark(delivered, dead, _in_words(hours))


def _height(changes: int, most: int, units: int) -> int:
    # At least 2 units, so that one change in a thousand can be seen.
    return max(2, round(units * changes / most))


def _in_words(hours: Sequence[Hour]) -> str:
    delivered, dead = sum(hour.delivered for hour in hours), sum(hour.dead for hour in hours)
    letters = f"; {plural(dead, 'dead letter')}" if dead else ""
    if not delivered:
        return f"Nothing was delivered within 24 hours{letters}"
    best = max(hours, key=lambda hour: hour.delivered)
    at = clock(best.begins, hours[-1].begins)
    return (
        f"{number(delivered)} delivered within 24 hours, most in the hour from {at}: {number(best.delivered)}{letters}"
    )


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar. `filled`: never more than `full`; `told`: the same in words."""

    filled: int
    full: int
    told: str


def size_of(count: QueueCount) -> Bar:
    """Return the pending changes of a queue, of the number that makes it due."""
    pending, size = count.waiting.pending, count.policy.size
    return Bar(min(pending, size), size, f"{number(pending)} of {number(size)}")


def age_of(count: QueueCount, now: int) -> Bar | None:
    """Return the ms waited, of the age that makes the queue due; None without pending changes."""
    oldest, uploaded, age = count.waiting.oldest, count.waiting.uploaded, count.policy.age_ms
    if oldest is None:
        return None
    waited = max(0, now - counted_from(oldest, uploaded))
    return Bar(min(waited, age), age, f"{span(waited)} of {span(age)}")
