"""Times, numbers and queues in words. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from queues.counts import QueueCount
from queues.names import UNREADABLE

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def span(ms: int) -> str:
    """A length of time: `12s`, `3m`, `15h 57m`, `2d 3h`."""
    seconds = max(0, ms) // 1000
    if seconds < _MINUTE:
        return f"{seconds}s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE}m"
    if seconds < _DAY:
        return f"{seconds // _HOUR}h {seconds % _HOUR // _MINUTE}m"
    return f"{seconds // _DAY}d {seconds % _DAY // _HOUR}h"


def moment(ms: int | None) -> str | None:
    """ISO 8601 in UTC, to the millisecond; None stays None."""
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def number(count: int) -> str:
    """With commas: `12,345`."""
    return f"{count:,}"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 change`, `2 changes`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def called(count: QueueCount) -> str:
    """What people call a queue: its audience's name, else in parentheses what it holds: `(event)`."""
    if count.name:
        return count.name
    if count.queue.kind != "audience":
        return f"({count.queue.kind})"
    return "(unreadable)" if count.queue.target == UNREADABLE else "(no name)"
