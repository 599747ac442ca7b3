"""When a scheduled query runs: by a crontab line in a time zone, or at whole multiples of an interval. Pure.

All arithmetic is in UTC. The zone only turns the times of the crontab into instants, by the rule of Debian's cron: when
the clocks change, a daily time neither happens twice nor is left out, and an hourly one comes every hour. Of the known
libraries only cronsim does so: APScheduler and croniter run a daily job twice in the repeated hour.
"""

from __future__ import annotations

import re
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_MINUTE_MS: Final = 60_000
#: The fields of a crontab line, and how many values each has.
_FIELDS: Final = {"minute": 60, "hour": 24, "day": 31, "month": 12, "weekday": 7}
#: The longest catch-up that a query has by default, in ms.
_CATCH_UP_MS: Final = 12 * 3_600_000
#: A slot this young (ms) is never missed: the tick of a busy scheduler may be late.
_GRACE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a query runs; neither `cron` nor `every_s`: only when somebody asks.

    `cron`: five fields of a crontab, in the time zone `zone`. `every_s`: seconds. `catch_up_s`: the age up to which a
    missed slot is made up for; None: one period, at most 12 h.
    """

    cron: str | None
    every_s: int | None
    zone: str
    catch_up_s: int | None = None

    def __str__(self) -> str:
        if self.cron is not None:
            return f"{self.cron} ({self.zone})"
        return f"every {self.every_s} s" if self.every_s else ""


@dataclass(frozen=True, slots=True)
class Due:
    """The newest slot that has come, and the next one, in ms. `runs`: False if it is too old and counts as missed."""

    slot: int
    runs: bool
    next: int


def check(cron: str) -> None:
    """Raise ValueError with the remedy for a crontab line that cannot be used."""
    if len(cron.split()) != 5:
        raise ValueError("not five fields of crontab: minute, hour, day, month, weekday.")
    _check_steps(cron)
    try:
        next(CronSim(cron, datetime.now(UTC)))
    except (CronSimError, StopIteration) as fault:
        raise ValueError(f"not a time of crontab: {str(fault) or 'it never comes'}.") from None


def _check_steps(cron: str) -> None:
    """Raise ValueError for a step beyond its field: `*/90` minutes would be once an hour."""
    for (name, size), terms in zip(_FIELDS.items(), cron.split(), strict=True):
        for step in re.findall(r"/(\d+)", terms):
            if int(step) > size:
                raise ValueError(f"the step {step} is more than the {size} values of the field {name}; use every.")


def slots(when: Schedule, after: int) -> Iterator[int]:
    """Yield the slots after a time, all in ms; none for a query that runs only when somebody asks."""
    if when.cron is not None:
        found = CronSim(when.cron, datetime.fromtimestamp(after / 1000, UTC).astimezone(ZoneInfo(when.zone)))
        yield from (slot for each in found if (slot := round(each.timestamp() * 1000)) > after)
    elif when.every_s:
        # Multiples since 1970: every scheduler finds the same ones, whenever it was started.
        period = when.every_s * 1000
        slot = after // period * period
        while True:
            slot += period
            yield slot


def following(when: Schedule, after: int) -> int | None:
    """Return the first slot after a time, in ms; None if there is none."""
    return next(slots(when, after), None)


def due(when: Schedule, planned: int, now: int) -> Due | None:
    """Return what is due, None before the slot `planned`. Of several missed slots only the newest counts. In ms."""
    if planned > now:
        return None
    slot = _newest(when, planned, now)
    upcoming = following(when, now)
    if upcoming is None:
        return None
    limit = min(upcoming - slot, _CATCH_UP_MS) if when.catch_up_s is None else when.catch_up_s * 1000
    return Due(slot, now - slot <= max(limit, _GRACE_MS), upcoming)


def _newest(when: Schedule, planned: int, now: int) -> int:
    """Return the last slot up to `now`, sought in a span that doubles: an outage may have missed very many."""
    span = _MINUTE_MS
    while True:
        start = max(planned, now - span)
        last = deque(takewhile(lambda slot: slot <= now, slots(when, start)), maxlen=1)
        if last or start == planned:
            return last[0] if last else planned
        span *= 2


def delay_ms(name: str, jitter_minutes: int) -> int:
    """Return by how many ms the run of a query starts after its slot, the same at every scheduler and every time."""
    return zlib.crc32(name.encode()) % (jitter_minutes * _MINUTE_MS) if jitter_minutes else 0
