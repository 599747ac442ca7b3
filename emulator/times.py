"""Times as Klaviyo writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(moment: float) -> str:
    """Epoch seconds as `2026-09-04T13:40:00+00:00`, cut to the second."""
    return datetime.fromtimestamp(int(moment), UTC).isoformat()


def fine_stamp(moment: float) -> str:
    """The same with microseconds, as the list of import jobs has it."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")
