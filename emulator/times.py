"""Times as Klaviyo writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(moment: float) -> str:
    """Epoch seconds as `2026-09-04T13:40:00+00:00`, cut to the second."""
    return datetime.fromtimestamp(int(moment), UTC).isoformat()


def epoch(text: str) -> float:
    """Epoch seconds of an ISO 8601 time, UTC where it names no zone; raises `ValueError`."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def moment_of(value: object) -> float | None:
    """The same of whatever stands in a body; None: no time."""
    try:
        return epoch(value) if isinstance(value, str) else None
    except ValueError:
        return None


def fine_stamp(moment: float) -> str:
    """The same with microseconds, as the list of import jobs has it."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")
