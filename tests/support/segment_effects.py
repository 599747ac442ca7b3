"""What the messages of a case changed at Klaviyo, in the words of tests/contract/segment_cases.json."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from emulator.consents import CHANNELS, Grant
from emulator.world import World as Account
from tests.support.segment_world import LONG_AGO, put_list

Person = dict[str, Any]
#: Is on every list and agreed to everything, and no case is about them.
BYSTANDER: Final = {"email": "bystander@example.com", "phone_number": "+12025550199"}
_NOBODY: Final[Person] = {"lists": [], "subscriptions": {}}


class Seen(Protocol):
    """An account that something is delivered to. `account`: from within, to be touched between requests only."""

    account: Account

    def look(self, name: str, **query: str) -> Any:
        """What the emulator tells beside the API."""

    def reasons(self) -> Counter[str]:
        """How many messages could not be delivered, by reason."""


def prepare(world: Seen, expected: dict[str, Any]) -> None:
    """An account as it must have been before: the lists, who leaves them, and who gives or takes back a consent."""
    consents = expected.get("consents", ())
    named = {*expected.get("added", ()), *expected.get("removed", ()), *(row.get("list_id") for row in consents)}
    for list_id in sorted(named - {None}):
        put_list(world.account, list_id)
    _put(world, BYSTANDER, *named, agreed=True)
    for list_id, leaving in expected.get("removed", {}).items():
        for known_as in leaving:
            _put(world, {_identifier(known_as): known_as}, list_id)
    for row in consents:
        leaves = row["change"] == "unsubscribe"
        who = {name: row[name] for name in BYSTANDER if name in row}
        _put(world, who, row.get("list_id") if leaves else None, agreed=leaves)


def _put(world: Seen, who: dict[str, str], *list_ids: str | None, agreed: bool = False) -> None:
    person = world.account.profiles.create({"attributes": who}, LONG_AGO)
    for list_id in filter(None, list_ids):
        world.account.lists.join(world.account.lists.by_id[list_id], [person.id], LONG_AGO)
    for channel, field in CHANNELS.items():
        if agreed and field in who:
            person.consent().grant(channel, Grant("SUBSCRIBED", LONG_AGO, LONG_AGO))


def _identifier(known_as: str) -> str:
    return "email" if "@" in known_as else "phone_number" if known_as.startswith("+") else "external_id"


def people(world: Seen) -> dict[str, Person]:
    """Everybody at Klaviyo, by id."""
    return {profile_id: world.look(f"profiles/{profile_id}") for profile_id in world.account.profiles.by_id}


def effect(world: Seen, before: dict[str, Person]) -> dict[str, Any]:
    """What is otherwise than it was. Whom an event brings along stands with the event, not with the people."""
    after, events = people(world), world.look("events", full="1")["events"]
    acting = {event["profile_id"] for event in events}
    told: defaultdict[str, Any] = defaultdict(list, added=defaultdict(list), removed=defaultdict(list))
    told["events"] = [_event(event, after[event["profile_id"]]) for event in events]
    told["rejected"] = list(world.reasons().elements())
    for person in after.values():
        old = before.get(person["id"], _NOBODY)
        if person["id"] not in acting and _attributes(person) != _attributes(old):
            told["people"].append(_attributes(person))
        if consent := _consent(person, old):
            told["consents"].append(consent)
            continue
        for change, lists in (("added", _without(person, old)), ("removed", _without(old, person))):
            for list_id in lists:
                told[change][list_id].append(_known_as(person))
    return in_any_order({name: value for name, value in told.items() if value})


def as_shown(expected: dict[str, Any]) -> dict[str, Any]:
    """The effect of a case as far as Klaviyo shows it: times to the second, and the source of a consent to e-mail."""
    shown = dict(expected)
    if "events" in expected:
        shown["events"] = [{**event, "time": _second(event["time"])} for event in expected["events"]]
    if "consents" in expected:
        shown["consents"] = [_consent_as_shown(row) for row in expected["consents"]]
    return in_any_order(shown)


def _consent_as_shown(row: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in row.items() if name != "custom_source" or "email" in row}
    return {**shown, "consented_at": _second(row["consented_at"])} if "consented_at" in row else shown


def _second(time: str) -> str:
    return datetime.fromisoformat(time).replace(microsecond=0).isoformat()


def in_any_order(told: dict[str, Any]) -> dict[str, Any]:
    """The same with its lists sorted: people of several queues are delivered side by side."""
    return {
        name: in_any_order(value) if isinstance(value, dict) else sorted(value, key=_sortable)
        for name, value in told.items()
    }


def _sortable(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _attributes(person: Person) -> dict[str, Any]:
    beyond = ("id", "lists", "subscriptions", "pending", "secondary_emails")
    return {name: value for name, value in person.items() if name not in beyond and value not in (None, {})}


def _known_as(person: Person) -> str:
    return next(str(person[name]) for name in ("email", "phone_number", "external_id") if person.get(name))


def _event(event: dict[str, Any], person: Person) -> dict[str, Any]:
    told = {name: event[name] for name in ("metric", "properties", "time", "unique_id", "value")}
    return {"profile": _attributes(person), **{name: value for name, value in told.items() if value is not None}}


def _consent(person: Person, old: Person) -> dict[str, Any] | None:
    """What became of the person's consents; who leaves a list that they agreed to has unsubscribed from it."""
    given, taken = _all(person, "SUBSCRIBED") - _all(old, "SUBSCRIBED"), _all(person, "UNSUBSCRIBED")
    joined, left = (next(iter(lists), None) for lists in (_without(person, old), _without(old, person)))
    if given:
        marketing = person["subscriptions"]["email" if "email" in given else "sms"]["marketing"]
        told = {"change": "subscribe", "list_id": joined, "custom_source": marketing.get("custom_method_detail")}
        told["consented_at"] = marketing["consent_timestamp"] if _is_historical(marketing) else None
    elif taken or (left and _all(old, "SUBSCRIBED")):
        told = {"change": "unsubscribe", "list_id": left}
    else:
        return None
    told |= {name: person.get(name) for name in given or taken or BYSTANDER}
    return {name: value for name, value in told.items() if value is not None}


def _all(person: Person, consent: str) -> set[str]:
    """The identifiers whose channels all have this consent; who subscribes to SMS does so for marketing."""
    found = set()
    for name, field in (("email", "email"), ("sms", "phone_number")):
        kinds = person["subscriptions"].get(name, {})
        wanted = ("marketing",) if consent == "SUBSCRIBED" else kinds
        if kinds and all(kinds[kind]["consent"] == consent for kind in wanted):
            found.add(field)
    return found


def _is_historical(marketing: dict[str, Any]) -> bool:
    updated, since = (datetime.fromisoformat(marketing[name]) for name in ("last_updated", "consent_timestamp"))
    return updated - since > timedelta(days=1)


def _without(person: Person, other: Person) -> list[str]:
    """The lists that one is on and the other is not."""
    return [name for name in person["lists"] if name not in other["lists"]]
