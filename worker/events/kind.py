"""Kind event: sends events to Klaviyo in bulk, each once, in order of arrival.

Klaviyo answers only 202, so an accepted event counts as delivered. Klaviyo keeps the first event of each `unique_id`: a
request that is repeated after a crash changes nothing.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import orjson

from identity.persons import Intent
from klaviyo.calls import MAX_ROW_BYTES, chunks
from klaviyo.events import MAX_EVENTS
from mappings.event import Event, to_event
from worker.delivery import Delivery
from worker.events.profile import under
from worker.people.batch_people import People
from worker.sending import send
from worker.settling import settle

log = logging.getLogger(__name__)

#: An event as an element of `events-bulk-create.data`, and the same encoded.
Row = tuple[dict[str, Any], bytes]


def intents(people: People) -> list[Intent]:
    """Return one intent for each event. Pure."""
    return [Intent([index]) for index in range(len(people.changes))]


def stages(delivery: Delivery) -> None:
    """Send every event that is not sent yet; each request is written down as soon as Klaviyo accepted it.

    Raises NotAccepted, LeaseLost.
    """
    rows = _rows(delivery)

    def ask(portion: list[int]) -> None:
        delivery.klaviyo.create_events([rows[index][1] for index in portion])
        delivery.progress.sent.update(portion)
        delivery.note()
        fields = {"stage": "uploaded", "events": len(portion)}
        log.info("batch %s: %d events are in Klaviyo", delivery.batch.id, len(portion), extra={"fields": fields})

    send(delivery, portions(rows), ask, delivery.klaviyo.account)
    settle(delivery)


def portions(rows: dict[int, Row]) -> Iterator[Sequence[int]]:
    """Yield the events of each request, in order: as many as Klaviyo accepts, and no event twice. Pure.

    Klaviyo would refuse a whole request with two events of one metric and `unique_id`, as a CDP's retry makes them.
    """
    apart: list[list[int]] = [[]]
    seen: set[tuple[object, ...]] = set()
    for index, (row, _) in rows.items():
        if (name := _name(row)) in seen:
            apart.append([])
            seen.clear()
        seen.add(name)
        apart[-1].append(index)
    for part in apart:
        yield from chunks(part, MAX_EVENTS, MAX_ROW_BYTES, lambda index: len(rows[index][1]))


def _name(row: dict[str, Any]) -> tuple[object, ...]:
    """Return the values by which Klaviyo distinguishes the events of one person.

    The person is left out: two identifiers may belong to one person, and two equal events cost the whole request.
    """
    event = _event(row)
    return event["metric"]["data"]["attributes"]["name"], event["unique_id"]


def _event(row: dict[str, Any]) -> dict[str, Any]:
    attributes: dict[str, Any] = row["attributes"]["events"]["data"][0]["attributes"]
    return attributes


def _rows(delivery: Delivery) -> dict[int, Row]:
    """Return the row of each event still to be sent; events that cannot be mapped are rejected with the reason.

    Raises NotAccepted, LeaseLost.
    """
    ended = delivery.progress.ended()
    mapped = {index: _mapped(delivery, index) for index in delivery.intents if index not in ended}
    events = {index: event for index, event in mapped.items() if event is not None}
    found: dict[int, Row] = {}
    for index, who in under(delivery, events).items():
        delivery.warn(index, *events[index].warnings)
        whole = events[index].under(*who)
        row = orjson.dumps(whole)
        if len(row) > MAX_ROW_BYTES:
            delivery.reject(index, "event_too_large", {"detail": f"{len(row)} bytes; Klaviyo takes {MAX_ROW_BYTES}"})
        else:
            found[index] = (whole, row)
    return found


def _mapped(delivery: Delivery, index: int) -> Event | None:
    fragment = bytes(delivery.batch.changes[index].body.person)
    event = delivery.or_rejected(
        index, partial(to_event, fragment, delivery.to.rules, delivery.to.identity.blocked.holds)
    )
    if event is not None:
        # Without an id Klaviyo uses the event's time in seconds, and keeps only one event of each second.
        event.told.setdefault("unique_id", hashlib.blake2b(fragment, digest_size=16).hexdigest())
    return event
