"""Records accepted events."""

from __future__ import annotations

import logging

from emulator.clashes import People
from emulator.events import Event
from emulator.profiles import ClashError, Profile, UnknownProfileError
from emulator.times import epoch
from emulator.work import Row, Tracking

log = logging.getLogger(__name__)


def carry_out(order: Tracking, people: People, now: float) -> None:
    """Record every event, creating or updating its profile; an event for an unknown id is silently dropped."""
    for row, attributes in order.events:
        try:
            person = _person(row, people, now)
        except UnknownProfileError:
            log.warning("an event names an unknown profile id; skipping it")
            continue
        event = _event(person.id, attributes, order.created)
        person.last_event = max(person.last_event or event.time, event.time)
        people.events.record(event, now)


def _person(row: Row, people: People, now: float) -> Profile:
    """Return the owner of the first identifier; if clashes are refused, other owners keep their identifiers."""
    while True:
        try:
            return people.upsert(row, now, clear_nulls=False)[0]
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
