"""Checks events as Klaviyo does before it records any."""

from __future__ import annotations

from typing import Any

from emulator import event_fields, phones, rows
from emulator.errors import Problem, invalid, misshapen
from emulator.fields import FINE, WITH_KX, findings, text, unknown
from emulator.work import Row

PERSON = rows.Form({**WITH_KX, "anonymous_id": text}, rows.UPSERT.members, (*rows.UPSERT.identifiers, "anonymous_id"))


def problems(event: object, pointer: str, now: float, *, alone: bool) -> list[Problem]:
    """Return everything that Klaviyo refuses in one event; `pointer`: its place in the body.

    `alone`: the event contains its profile, as in the call for a single event.
    """
    if not isinstance(event, dict) or event.get("type") != "event" or not isinstance(event.get("attributes"), dict):
        return [misshapen(pointer)]
    attributes = event["attributes"]
    checks = {**event_fields.checks(now), "profile": lambda _: FINE} if alone else event_fields.checks(now)
    found = [(f"/{name}", unknown(name, "event")) for name in event if name not in ("type", "attributes")]
    found += [(f"/attributes{suffix}", fault) for suffix, fault in findings(attributes, checks, "event")]
    missing = (name for name in ("properties", "metric") if attributes.get(name) is None)
    found += [(f"/attributes/{name}", f"'{name}' is required.") for name in missing]
    judged = [invalid(fault, pointer + suffix) for suffix, fault in found]
    return judged + (person_problems(attributes, f"{pointer}/attributes") if alone else [])


def person_problems(attributes: Row, pointer: str) -> list[Problem]:
    """Return everything that Klaviyo refuses in the profile of one event or several."""
    return rows.problems(_with_meta(_named(attributes)), f"{pointer}/profile/data", PERSON)


def drop_phone(attributes: object) -> bool:
    """Drop an invalid phone number from the unchecked profile of one event or several, see `phones.drop`."""
    return phones.drop(_named(attributes), PERSON.identifiers)


def _named(attributes: object) -> Any:
    holder = attributes.get("profile") if isinstance(attributes, dict) else None
    return holder.get("data") if isinstance(holder, dict) else None


def person_of(attributes: Row) -> Row:
    """Return the checked profile of one event or several."""
    person: Row = _with_meta(attributes["profile"]["data"])
    return person


def _with_meta(person: Any) -> Any:
    """Return the profile with `meta` beside its attributes; the call for a single event has it among them."""
    if not isinstance(person, dict) or not isinstance(person.get("attributes"), dict):
        return person
    attributes = dict(person["attributes"])
    meta = attributes.pop("meta", None)
    return {**person, "attributes": attributes} if meta is None else {**person, "attributes": attributes, "meta": meta}
