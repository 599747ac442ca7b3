"""Converts times to and from Klaviyo's formats."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def stamp(moment: float) -> str:
    """Return epoch seconds as `2026-09-04T13:40:00+00:00`, cut to the second."""
    return _stamp(int(moment))


@lru_cache  # the people of an import share their times
def _stamp(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()


def epoch(text: str) -> float:
    """Return the epoch seconds of an ISO 8601 time, in UTC without a zone; raises `ValueError`."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def moment_of(value: object) -> float | None:
    """Return the epoch seconds of any value in a body; None if it is not a time."""
    try:
        return epoch(value) if isinstance(value, str) else None
    except ValueError:
        return None


def fine_stamp(moment: float) -> str:
    """Return epoch seconds like `stamp`, but with microseconds, as in the list of import jobs."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")
