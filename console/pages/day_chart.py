"""The chart of the last 24 hours: columns in percent of the drawing, so that text keeps its size at any width. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from queues.history.hours import HOUR_MS, TOLD, Hour
from text.wording import number, plural

#: Percent of the width for each hour, and of that for the gap on each side of a column.
_SLOT: Final = 100 / TOLD
_GAP: Final = 0.12
#: Percent of the height that is seen at least: about three pixels.
_LEAST: Final = 2.0
#: Hours between two times on the axis.
_EVERY: Final = 3


@dataclass(frozen=True, slots=True)
class Column:
    """An hour. `x`, `width`, `delivered`, `dead`: percent; `y`: where the delivered part begins. `title`: in words."""

    begins: int
    x: float
    width: float
    y: float
    delivered: float
    dead: float
    title: str
    changes: int
    letters: int


@dataclass(frozen=True, slots=True)
class DayChart:
    """The chart. `lines`: the value of each grid line and its distance from the top in percent.

    `times`: the ms and the place of each time on the axis. `delivered`, `dead`: the totals.
    """

    columns: list[Column]
    lines: list[tuple[int, float]]
    times: list[tuple[int, str, float]]
    delivered: int
    dead: int


def day_chart(hours: Sequence[Hour]) -> DayChart:
    """Return the chart of these hours, oldest first."""
    step, top = scale(max((hour.delivered + hour.dead for hour in hours), default=0))
    return DayChart(
        [_column(index, hour, top) for index, hour in enumerate(hours)],
        [(value, _percent(100 - 100 * value / top)) for value in range(0, top + 1, step)],
        list(_times(hours)),
        sum(hour.delivered for hour in hours),
        sum(hour.dead for hour in hours),
    )


def scale(most: int) -> tuple[int, int]:
    """Return the distance of the grid lines and the value of the highest: round numbers, three or four lines."""
    wanted = max(most, 4)
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if step * 4 >= wanted:
                return step, step * max(3, -(-wanted // step))
        size *= 10


def _column(index: int, hour: Hour, top: int) -> Column:
    delivered = _part(hour.delivered, top)
    dead = _part(hour.dead, top)
    # The least heights must not push a column out of the drawing.
    delivered = min(delivered, 100 - dead)
    begins = datetime.fromtimestamp(hour.begins / 1000, UTC)
    title = f"{begins:%H}:00 to {(begins.hour + 1) % 24:02}:00 UTC: {number(hour.delivered)} delivered"
    return Column(
        hour.begins,
        _percent(_SLOT * (index + _GAP)),
        _percent(_SLOT * (1 - 2 * _GAP)),
        _percent(100 - delivered),
        _percent(delivered),
        _percent(dead),
        f"{title}, {plural(hour.dead, 'dead letter')}" if hour.dead else title,
        hour.delivered,
        hour.dead,
    )


def _part(changes: int, top: int) -> float:
    return max(_LEAST, 100 * changes / top) if changes else 0.0


def _times(hours: Sequence[Hour]) -> Iterator[tuple[int, str, float]]:
    for index, hour in enumerate(hours[:-1]):
        begins = datetime.fromtimestamp(hour.begins / 1000, UTC)
        if hour.begins // HOUR_MS % _EVERY == 0:
            text = f"{begins:%H}:00" if begins.hour else f"{begins:%a} 00:00"
            yield hour.begins, text, _percent(_SLOT * (index + 0.5))


def _percent(value: float) -> float:
    return round(value, 2)
