"""The events of the account and their metrics."""

from __future__ import annotations

from typing import Any

import msgspec

from emulator.ids import event_id, short_id


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event; `time` in whole epoch seconds, as Klaviyo cuts it; `metric`: the name of its metric."""

    profile_id: str
    metric: str
    unique_id: str
    time: int
    properties: dict[str, Any]
    value: float | None
    value_currency: str | None
    service: str | None
    backfill: bool
    id: str = msgspec.field(default_factory=event_id)


class Metric(msgspec.Struct, frozen=True, gc=False):
    """A kind of event, created with its first event; `created` in epoch seconds."""

    id: str
    name: str
    created: float


class Events:
    """All events, in the order in which they were recorded, and the metrics by name."""

    def __init__(self) -> None:
        self.metrics: dict[str, Metric] = {}
        self._by_key: dict[tuple[str, str, str], Event] = {}

    def record(self, event: Event, now: float) -> None:
        """Keep an event; with the same profile, metric and unique id, the first one wins (Klaviyo: create event)."""
        if event.metric not in self.metrics:
            self.metrics[event.metric] = Metric(short_id(), event.metric, now)
        self._by_key.setdefault((event.profile_id, event.metric, event.unique_id), event)

    def forget(self, profile_id: str) -> None:
        """Delete all events of a person."""
        self._by_key = {key: event for key, event in self._by_key.items() if event.profile_id != profile_id}

    def move(self, source_id: str, target_id: str, now: float) -> None:
        """Move all events of one person to another, keeping their order; an event that both have is kept once."""
        events = list(self._by_key.values())
        self._by_key = {}
        for event in events:
            moves = event.profile_id == source_id
            self.record(msgspec.structs.replace(event, profile_id=target_id) if moves else event, now)

    def of_metric(self, metric: str | None) -> list[Event]:
        """Return the events of one metric; None: all events."""
        return [event for event in self._by_key.values() if metric in (None, event.metric)]
