"""Times, numbers and people's notes as text, for commands, pages, alerts and logs. Pure."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, overload

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
#: An address, or enough digits for a phone number.
_PERSONAL: Final = re.compile(r"\S*@\S+|\+?\d(?:[\s().-]*\d){6,}")


def duration(ms: int) -> str:
    """Return a duration in its largest unit, and from an hour on in two: `12 s`, `3 min`, `15 h 57 min`, `2 d 3 h`.

    Its spaces are no-break spaces. static/times.js writes the same.
    """
    return "\u00a0".join(f"{count}\u00a0{unit}" for count, unit in _units(max(0, ms) // 1000))


def until(at: int, now: int) -> str:
    """Return how long it is until a time, `in 15 h 57 min`, or `now` if it has come. Both in ms."""
    return f"in {duration(at - now)}" if at > now else "now"


def _units(seconds: int) -> list[tuple[int, str]]:
    if seconds < _MINUTE:
        return [(seconds, "s")]
    if seconds < _HOUR:
        return [(seconds // _MINUTE, "min")]
    if seconds < _DAY:
        return [(seconds // _HOUR, "h"), (seconds % _HOUR // _MINUTE, "min")]
    return [(seconds // _DAY, "d"), (seconds % _DAY // _HOUR, "h")]


def day_and_time(ms: int, now: int) -> str:
    """Return a time to the minute, in UTC: `09:42`, `Yesterday 23:51`, or `27 Nov 16:02`. `now`: ms."""
    at, today = (datetime.fromtimestamp(each / 1000, UTC) for each in (ms, now))
    days = (today.date() - at.date()).days
    if days in (0, 1):
        return f"{at:%H:%M}" if days == 0 else f"Yesterday {at:%H:%M}"
    return f"{at.day} {at:%b %H:%M}"


@overload
def moment(ms: int) -> str: ...
@overload
def moment(ms: int | None) -> str | None: ...
def moment(ms: int | None) -> str | None:
    """Return a time as ISO 8601 in UTC, to the millisecond; None stays None."""
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ms_of(moment: str) -> int:
    """Return the ms of a time that `moment` wrote. Raises ValueError for text that is not a time."""
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def clock(ms: int, now: int) -> str:
    """Return a time to the minute, in UTC: `14:05 UTC`, or `2 Jan 14:05 UTC` on another day than `now` (ms)."""
    at, today = (datetime.fromtimestamp(each / 1000, UTC) for each in (ms, now))
    return f"{at:%H:%M} UTC" if at.date() == today.date() else f"{at.day} {at:%b %H:%M} UTC"


def day(ms: int) -> str:
    """Return the day of a time, in UTC: `2026-12-30`."""
    return datetime.fromtimestamp(ms / 1000, UTC).date().isoformat()


def number(count: int) -> str:
    """Return a number with commas: `12,345`."""
    return f"{count:,}"


def plural(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun: `1 change`, `2 changes`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def some(names: Sequence[str], most: int) -> str:
    """Return names as words: `a, b and 4 more`. `most`: how many are named."""
    shown, more = names[:most], len(names) - most
    return ", ".join(shown) + (f" and {number(more)} more" if more > 0 else "")


def sentence(text: str) -> str:
    """Return the text with a capital first letter; the rest stays."""
    return text[:1].upper() + text[1:]


def without_people(text: str) -> str:
    """Return a person's note without addresses and phone numbers, because everybody can see it."""
    return _PERSONAL.sub("***", text)


def missing_package(what: str, package: str, extra: str) -> str:
    """Return the message for a package that is not installed, with the command that installs it."""
    install = f"{sys.executable} -m pip install --require-hashes -r requirements-{extra}.txt"
    return f"{what} needs {package}. Install it in Ferry's folder with: {install}"
