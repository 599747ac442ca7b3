"""Events of people and their metrics: /api/events, /api/event-bulk-create-jobs and /api/metrics."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from emulator import documents, filters
from emulator.errors import bad_request, not_found
from emulator.events import Event, Metric
from emulator.jsonapi import Call, Json
from emulator.paging import page
from emulator.times import stamp
from emulator.work import Row, Tracking

_EVENT_ID = re.compile(r"[0-9A-Za-z_-]{11}")


def create_event(call: Call) -> None:
    """Accept one event; one with a known unique id is accepted and dropped."""
    attributes = call.data["attributes"]
    _record(call, [(_person(attributes["profile"]["data"]), attributes)])


def bulk_create_events(call: Call) -> None:
    """Accept several people, each with several events; an entry may set `backfill` for all of its events."""
    events = []
    for entry in call.data["attributes"]["events-bulk-create"]["data"]:
        attributes = entry["attributes"]
        person, common = _person(attributes["profile"]["data"]), {"backfill": attributes.get("backfill")}
        events += [(person, {**common, **event["attributes"]}) for event in attributes["events"]["data"]]
    _record(call, events)


def _record(call: Call, events: list[tuple[Row, Row]]) -> None:
    call.world.jobs.accept(Tracking(created=call.now, events=events))
    call.world.catch_up()
    call.send_nothing(202)


def _person(profile: Any) -> Row:
    """Return the profile with `meta` beside its attributes; until 2026-07-15, a single event has it among them."""
    attributes = dict(profile["attributes"])
    meta = attributes.pop("meta", None) or profile.get("meta")
    return {**profile, "attributes": attributes, "meta": meta}


def get_events(call: Call) -> None:
    """Return a page of events, by default the oldest first."""
    metrics = call.world.events.metrics
    found = [event for event in call.world.events.of_metric(None) if _chosen(call, event)]
    found.sort(key=_position)
    shown = page(found, _position, call.query)
    data = [documents.event(call, event, metrics[event.metric]) for event in shown.items]
    call.send_page(data, shown.cursor, _included(call, shown.items))


def _position(event: Event) -> tuple[int, str]:
    return event.time, event.id


def _chosen(call: Call, event: Event) -> bool:
    values: dict[str, str | float] = {
        "metric_id": call.world.events.metrics[event.metric].id,
        "profile_id": event.profile_id,
        "datetime": stamp(event.time),
        "timestamp": event.time,
    }
    return all(filters.holds(clause, values.get(clause.field)) for clause in call.query.clauses)


def _included(call: Call, events: Iterable[Event]) -> Iterator[Json]:
    """Yield each included metric and profile once; the emulator attributes no event to a message."""
    world = call.world
    if "metric" in call.query.include:
        for name in dict.fromkeys(event.metric for event in events):
            yield documents.metric(call, world.events.metrics[name], linked=False)
    if "profile" in call.query.include:
        for profile_id in dict.fromkeys(event.profile_id for event in events):
            yield documents.profile(call, world.profiles.by_id[profile_id])


def get_event(call: Call) -> None:
    """Return the event. An id that cannot be one is 400 (seen live, 2026)."""
    if not _EVENT_ID.fullmatch(call.subject):
        raise bad_request(f"Invalid Event ID: '{call.subject}'", "/data/id")
    found = next((event for event in call.world.events.of_metric(None) if event.id == call.subject), None)
    if found is None:
        raise not_found(f"An event with id {call.subject} does not exist.")
    document = documents.event(call, found, call.world.events.metrics[found.metric])
    call.send_one(200, document, _included(call, [found]))


def get_metrics(call: Call) -> None:
    """Return the metrics of the account in the order of their ids.

    All are of the integration API. A filter by category finds none of them (seen live, 2026).
    """
    every = sorted(call.world.events.metrics.values(), key=lambda metric: metric.id)
    values = {"integration.name": "API"}
    found = [each for each in every if all(filters.holds(c, values.get(c.field)) for c in call.query.clauses)]
    shown = page(found, lambda metric: ("", metric.id), call.query)
    call.send_page([_metric(call, metric) for metric in shown.items], shown.cursor)


def get_metric(call: Call) -> None:
    """Return the metric."""
    found = next((metric for metric in call.world.events.metrics.values() if metric.id == call.subject), None)
    if found is None:
        raise not_found(f"Metric with id {call.subject} does not exist.")
    call.send_one(200, _metric(call, found))


def _metric(call: Call, metric: Metric) -> Json:
    return documents.metric(call, metric, linked="flow-triggers" in call.query.include)
