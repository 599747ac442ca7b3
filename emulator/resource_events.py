"""/api/events and /api/event-bulk-create-jobs: events of people."""

from __future__ import annotations

from typing import Any, ClassVar

from falcon.asgi import Request, Response

from emulator import bulk, event_fields, event_rows, phones
from emulator.errors import ApiError, Problem, bad_request, invalid, misshapen
from emulator.fields import unknown
from emulator.jsonapi import data_of, send_nothing
from emulator.limits import XL, M
from emulator.operations import Calls, Operation
from emulator.profiles import IDENTIFIERS
from emulator.work import Row, Tracking
from emulator.world import World

MAX_EVENTS = 1_000
ENTRIES = "/data/attributes/events-bulk-create/data"


def _record(
    world: World, resp: Response, events: list[tuple[Row, Row]], problems: list[Problem], *, partial: bool
) -> None:
    """Accept all events or none, without a readable job. `partial`: a phone number was dropped from some."""
    if problems:
        raise ApiError(400, *problems)
    if partial:
        resp.set_header(*phones.PARTIAL_FAILURE)
    world.jobs.accept(Tracking(created=world.now(), events=events))
    world.catch_up()
    send_nothing(resp, 202)


class Events(Calls):
    """/api/events."""

    operations: ClassVar = {"POST": Operation("create_event", XL, ("events:write",))}

    async def on_post(self, req: Request, resp: Response) -> None:
        """Accept one event; one with a known unique id is accepted and dropped."""
        data = data_of(req, "event")
        partial = event_rows.drop_phone(data.get("attributes"))
        problems = event_rows.problems(data, "/data", self.world.now(), alone=True)
        events = [] if problems else [(event_rows.person_of(data["attributes"]), data["attributes"])]
        _record(self.world, resp, events, problems, partial=partial)


class BulkEvents(Calls):
    """/api/event-bulk-create-jobs."""

    operations: ClassVar = {"POST": Operation("bulk_create_events", M, ("events:write",))}

    async def on_post(self, req: Request, resp: Response) -> None:
        """Accept several people, each with several events; at most 1,000 events in total."""
        data = data_of(req, "event-bulk-create-job")
        problems: list[Problem] = []
        numbered: list[tuple[str, Row, Row]] = []
        entries = bulk.rows_of(data, "events-bulk-create", MAX_EVENTS)
        partial = [event_rows.drop_phone(entry.get("attributes")) for entry in entries if isinstance(entry, dict)]
        for index, entry in enumerate(entries):
            found = _entry_problems(entry, f"{ENTRIES}/{index}", self.world.now())
            problems += found
            if not found:
                numbered += _events_of(entry, f"{ENTRIES}/{index}")
        _refuse_too_many(entries)
        problems += _repetitions(numbered)
        events = [(person, attributes) for _, person, attributes in numbered]
        _record(self.world, resp, events, problems, partial=any(partial))


def _entry_problems(entry: Any, pointer: str, now: float) -> list[Problem]:
    """Return everything that Klaviyo refuses about one person and their events."""
    attributes = entry.get("attributes") if isinstance(entry, dict) else None
    if not isinstance(attributes, dict) or entry.get("type") != "event-bulk-create":
        return [misshapen(pointer)]
    where = f"{pointer}/attributes"
    strangers = attributes.keys() - {"backfill", "profile", "events"}
    found = [invalid(unknown(name, "event-bulk-create"), f"{where}/{name}") for name in sorted(strangers)]
    if attributes.get("backfill") is not None:
        found += [invalid(fault, f"{where}/backfill") for _, fault in event_fields.boolean(attributes["backfill"])]
    found += event_rows.person_problems(attributes, where)
    events = _listed(attributes)
    if not events:
        found.append(misshapen(f"{where}/events/data"))
    for index, event in enumerate(events):
        found += event_rows.problems(event, f"{where}/events/data/{index}", now, alone=False)
    return found


def _listed(attributes: Any) -> list[Any]:
    holder = attributes.get("events") if isinstance(attributes, dict) else None
    events = holder.get("data") if isinstance(holder, dict) else None
    return events if isinstance(events, list) else []


def _refuse_too_many(entries: list[Any]) -> None:
    total = sum(len(_listed(entry.get("attributes"))) for entry in entries if isinstance(entry, dict))
    if total > MAX_EVENTS:
        raise bad_request(f"At most {MAX_EVENTS} events may be sent in one call.", ENTRIES)


def _events_of(entry: Row, pointer: str) -> list[tuple[str, Row, Row]]:
    """Return (pointer, profile, attributes) of each event of a checked entry, which may set `backfill` for all."""
    attributes = entry["attributes"]
    person = event_rows.person_of(attributes)
    common = {"backfill": attributes.get("backfill")}
    return [
        (f"{pointer}/attributes/events/data/{index}/attributes", person, {**common, **event["attributes"]})
        for index, event in enumerate(_listed(attributes))
    ]


def _repetitions(events: list[tuple[str, Row, Row]]) -> list[Problem]:
    """Return a problem for each repeated unique id of one person and metric (Klaviyo: bulk create events)."""
    seen: set[tuple[Any, ...]] = set()
    found: list[Problem] = []
    for pointer, person, attributes in events:
        unique_id = attributes.get("unique_id")
        if unique_id is None:
            continue
        key = (_identity(person), attributes["metric"]["data"]["attributes"]["name"], unique_id)
        if key in seen:
            found.append(invalid("'unique_id' is repeated for this profile and metric.", f"{pointer}/unique_id"))
        seen.add(key)
    return found


def _identity(person: Row) -> tuple[str, str]:
    """Return the identifier with the highest rank in Klaviyo."""
    given = {"id": person.get("id"), **person["attributes"]}
    name = next(name for name in ("id", *IDENTIFIERS) if given.get(name))
    return name, str(given[name]).lower() if name == "email" else str(given[name])
