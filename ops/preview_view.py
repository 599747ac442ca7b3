"""What the changes of one queue would become at Klaviyo, as `ferry preview` shows it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Final

import msgspec

from mappings.consent import to_consent
from mappings.errors import Rejected
from mappings.event import to_event
from mappings.profile import to_profile
from mappings.sources import read
from queues.change import Change
from queues.snapshots import order_of
from worker.coalesce import Intent
from worker.connection import Destination
from worker.kinds import KINDS
from worker.people import People, identifiers_of
from worker.progress import Rejection


def queue_view(kind: str, changes: Sequence[Change], to: Destination) -> dict[str, Any]:
    """What there is to say of a queue of this kind: the list that changes use, and each person, event and so on."""
    name, show = _VIEWS[kind]
    told: dict[str, Any] = {"list": _list(to)} if kind == "audience" and changes else {}
    people = People(changes, to.rules, to.identity, "preview")
    told[name] = [_guarded(show, intent, people) for intent in KINDS[kind].intents(people)]
    return told


_Show = Callable[[Intent, People], dict[str, Any]]


def _guarded(show: _Show, intent: Intent, people: People) -> dict[str, Any]:
    try:
        return {"changes": intent.indexes, **show(intent, people)}
    except Rejected as fault:
        dead = {"action": "dead_letter", "reason": fault.reason, "detail": fault.detail}
        return {"changes": intent.indexes, **dead}


def _list(to: Destination) -> dict[str, str]:
    if found := to.list_id or (to.list_name is None and to.given_id):
        return {"id": found}
    return {"name": to.list_name or to.known_as}


def _person(intent: Intent, people: People) -> dict[str, Any]:
    profile = people.written(intent) if intent.written else people.mapped([intent.last])
    if isinstance(profile, Rejection):
        return {"action": "dead_letter", "reason": profile.reason, "detail": profile.detail.get("detail", "")}
    attributes = profile.attributes if intent.written else identifiers_of(profile)
    told: dict[str, Any] = {"action": intent.membership or "update", "profile": attributes}
    return told | {
        name: list(value) for name in ("unset", "clear", "warnings") if (value := getattr(profile, name, ()))
    }


def _event(intent: Intent, people: People) -> dict[str, Any]:
    event = to_event(bytes(people.changes[intent.last].body.person), people.rules)
    row = event.row["attributes"]
    told = {
        "action": "event",
        "event": row["events"]["data"][0]["attributes"],
        "profile": row["profile"]["data"]["attributes"],
    }
    return told | ({"warnings": list(event.warnings)} if event.warnings else {})


def _consent(intent: Intent, people: People) -> dict[str, Any]:
    body = people.changes[intent.last].body
    consent = {name: value for name, value in asdict(to_consent(bytes(body.person), people.rules)).items() if value}
    warnings = {"warnings": list(consent.pop("warnings"))} if "warnings" in consent else {}
    return {"action": body.action, "consent": consent} | warnings


def _erasure(intent: Intent, people: People) -> dict[str, Any]:
    body = people.changes[intent.last].body
    return {
        "action": body.action,
        "profile": to_profile(read(body.source, bytes(body.person)), people.rules).attributes,
    }


def _snapshot(intent: Intent, people: People) -> dict[str, Any]:
    body = people.changes[intent.last].body
    return {"action": body.action, "snapshot": msgspec.to_builtins(order_of(bytes(body.person)))}


#: By kind of queue: what its entries are called, and how one is shown.
_VIEWS: Final[dict[str, tuple[str, _Show]]] = {
    "audience": ("people", _person),
    "profile": ("people", _person),
    "event": ("events", _event),
    "consent": ("consents", _consent),
    "erasure": ("erasures", _erasure),
    "snapshot": ("snapshots", _snapshot),
}
