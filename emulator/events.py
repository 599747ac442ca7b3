"""The events of the account, and recording those that were accepted."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from emulator.profiles import ClashError, Profile, Profiles, UnknownProfileError
from emulator.times import epoch
from emulator.work import Row, Tracking

log = logging.getLogger(__name__)


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
        """Keep an event; of those with one profile, metric and unique id the first wins (Klaviyo: create event)."""
        self._by_key.setdefault((event.profile_id, event.metric, event.unique_id), event)

    def forget(self, profile_id: str) -> None:
        """Drop everything about a person."""
        self._by_key = {key: event for key, event in self._by_key.items() if event.profile_id != profile_id}

    def of_metric(self, metric: str | None) -> list[Event]:
        """The events of one metric; None: of all."""
        return [event for event in self._by_key.values() if metric in (None, event.metric)]


def carry_out(order: Tracking, profiles: Profiles, events: Events, now: float) -> None:
    """Record every event, making or updating its profile; one for an id nobody has is lost without a word."""
    for row, attributes in order.events:
        try:
            person = _person(row, profiles, now)
        except UnknownProfileError:
            log.warning("an event names a profile id nobody has; passing it over")
            continue
        event = _event(person.id, attributes, order.created)
        person.last_event = max(person.last_event or event.time, event.time)
        events.record(event)


def _person(row: Row, profiles: Profiles, now: float) -> Profile:
    """The owner of the first identifier; one that belongs to somebody else is left to them (profiles never merge)."""
    while True:
        try:
            return profiles.upsert(row, now, clear_nulls=False)[0]
        except ClashError as clash:
            row = {**row, "attributes": {k: v for k, v in row["attributes"].items() if k != clash.field}}


def _event(profile_id: str, attributes: Row, accepted: float) -> Event:
    metric = attributes["metric"]["data"]["attributes"]
    time = int(accepted if attributes.get("time") is None else epoch(attributes["time"]))
    return Event(
        profile_id=profile_id,
        metric=metric["name"],
        unique_id=attributes.get("unique_id") or str(time),
        time=time,
        properties=attributes["properties"],
        value=attributes.get("value"),
        value_currency=attributes.get("value_currency"),
        service=metric.get("service"),
        backfill=attributes.get("backfill") or False,
    )
