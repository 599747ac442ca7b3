"""The events of the account."""

from __future__ import annotations

from typing import Any

import msgspec


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event; `time` in whole epoch seconds, as Klaviyo cuts it."""

    profile_id: str
    metric: str
    unique_id: str
    time: int
    properties: dict[str, Any]
    value: float | None
    value_currency: str | None
    service: str | None
    backfill: bool


class Events:
    """All events, in the order in which they were recorded."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, str, str], Event] = {}

    def record(self, event: Event) -> None:
        """Keep an event; with the same profile, metric and unique id, the first one wins (Klaviyo: create event)."""
        self._by_key.setdefault((event.profile_id, event.metric, event.unique_id), event)

    def forget(self, profile_id: str) -> None:
        """Delete all events of a person."""
        self._by_key = {key: event for key, event in self._by_key.items() if event.profile_id != profile_id}

    def move(self, source_id: str, target_id: str) -> None:
        """Move all events of one person to another, keeping their order; an event that both have is kept once."""
        events = list(self._by_key.values())
        self._by_key = {}
        for event in events:
            moves = event.profile_id == source_id
            self.record(msgspec.structs.replace(event, profile_id=target_id) if moves else event)

    def of_metric(self, metric: str | None) -> list[Event]:
        """Return the events of one metric; None: all events."""
        return [event for event in self._by_key.values() if metric in (None, event.metric)]
