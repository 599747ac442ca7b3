"""Preview what a message would become in each queue and in Klaviyo. Pure.

It takes the same steps as intake and worker, but stores and sends nothing.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import msgspec

from configuration.connections import DEFAULT, Connection, Connections
from identity.persons import Intent
from intake.audiences import Audiences
from intake.changes import reading as changes_reading
from intake.changes.messages import PostedChanges
from intake.http import faults
from intake.incoming import KIND, Incoming
from intake.mparticle import consents, erasure, membership, messages, settings
from intake.segment import reading as segment_reading
from mappings import values
from mappings.consent import to_consent
from mappings.consent_state import Decision, State
from mappings.errors import Rejected
from mappings.event import to_event
from mappings.profile import to_profile
from mappings.sources import read
from ops.errors import Failed
from queues.acceptance import Acceptance
from queues.change import Change, decode
from queues.names import Queue
from queues.snapshots.orders import order_of
from worker.connection import Destination, resolve
from worker.errors import Held
from worker.kinds import KINDS
from worker.people.batch_people import People, identifiers_of
from worker.progress import Rejection


@dataclass(frozen=True, slots=True)
class PreviewedMessage:
    """A message as the intake reads it. `account`: settings. `unmapped`: messages without an action, by type.

    `remembered`: consents by purpose that would be kept for later changes of the person.
    """

    acceptances: list[Acceptance]
    connection: Connection
    account: Mapping[str, str] = field(default_factory=dict)
    unmapped: Mapping[str, int] = field(default_factory=dict)
    remembered: State = field(default_factory=dict)


#: Called with the message, all connections, the name of the requested one, and the time in ms.
Reader = Callable[[bytes, Connections, str, int], PreviewedMessage]
_posted = msgspec.json.Decoder(PostedChanges)
_account = msgspec.json.Decoder(messages.MParticleAccount | None)


def preview(source: str, body: bytes, connections: Connections, now: int, connection: str = DEFAULT) -> dict[str, Any]:
    """Return an entry for each queue (`queues`), the `unmapped` messages, and the `remembered` consents.

    `connection`: its name; mParticle's messages use the one of their account. Raises the falcon.HTTPError with which
    the message would be refused, TooMuch, UnknownConnection, Failed.
    """
    found = READERS[source](body.removeprefix(codecs.BOM_UTF8), connections, connection, now)
    shown: dict[str, Any] = {"queues": [_queue(each, found) for each in _by_queue(found.acceptances)]}
    if found.unmapped:
        shown["unmapped"] = dict(found.unmapped)
    if found.remembered:
        shown["remembered"] = {name: _decision(decision) for name, decision in found.remembered.items()}
    return shown


def _decision(decision: Decision) -> dict[str, Any]:
    return {"agrees": decision.agrees, "since": values.to_iso(decision.at)}


def _mparticle(body: bytes, connections: Connections, _asked: str, now: int) -> PreviewedMessage:
    message = messages.read(body)
    account = (_account.decode(message.account) if bytes(message.account) else None) or messages.MParticleAccount()
    connection = connections.for_mparticle(account.account_id)
    read = PreviewedMessage([], connection, settings.read(account.account_settings))
    match message:
        case messages.MembershipMessage():
            make = membership.acceptances
            return replace(read, acceptances=make(message, account.account_id, connection, Audiences(), now))
        case messages.Erasure():
            erase = erasure.acceptances
            return replace(read, acceptances=erase(message, account.account_id, connection, Audiences(), now))
        case messages.Events():
            _, decisions = consents.read(message, account.account_id, connection, now)
            return replace(read, remembered=decisions)
    kind = message.__struct_config__.tag
    raise Failed(f"{kind} concerns no person; give a message about people, such as audience_membership_change_request")


def _changes(body: bytes, connections: Connections, asked: str, now: int) -> PreviewedMessage:
    connection = connections.named(asked)
    posted = faults.read(_posted, body, apart=("changes",))
    incoming = Incoming(connection, changes_reading.SOURCE, "", now)
    places = [(f"$.changes[{index}]", raw) for index, raw in enumerate(posted.changes)]
    changes_reading.read(places, posted.audience, incoming, now)
    return PreviewedMessage(incoming.acceptances("", Audiences()), connection)


def _segment(body: bytes, connections: Connections, asked: str, now: int) -> PreviewedMessage:
    connection = connections.named(asked)
    reading = segment_reading.read(body, connection, Audiences(), now)
    return PreviewedMessage(reading.acceptances, connection, unmapped=reading.unmapped)


READERS: dict[str, Reader] = {"mparticle": _mparticle, "changes": _changes, "segment": _segment}


def _by_queue(acceptances: Iterable[Acceptance]) -> Iterable[Acceptance]:
    """Merge the acceptances of several messages into one for each queue."""
    found: dict[Queue, Acceptance] = {}
    for each in acceptances:
        so_far = found.setdefault(each.queue, Acceptance(each.queue, each.policy))
        found[each.queue] = Acceptance(
            each.queue,
            each.policy,
            changes=so_far.changes + each.changes,
            dead=so_far.dead + each.dead,
            audience=each.audience or so_far.audience,
        )
    return found.values()


def _queue(acceptance: Acceptance, found: PreviewedMessage) -> dict[str, Any]:
    queue = acceptance.queue
    audience = msgspec.json.decode(acceptance.audience) if acceptance.audience else {}
    changes = [decode(stored) for stored in acceptance.changes]
    shown: dict[str, Any] = {"queue": str(queue)}
    if queue.kind == KIND:
        shown["audience"] = audience.get("name")
    try:
        to = resolve(found.connection, "", found.account, audience, queue.target)
    except Held as held:
        shown["held"] = {"reason": held.reason, "resolve": held.resolve}
    else:
        shown |= queue_view(queue.kind, changes, to)
    shown["dead_on_arrival"] = [{"reason": letter.reason, "detail": letter.detail} for letter in acceptance.dead]
    return shown


def queue_view(kind: str, changes: Sequence[Change], to: Destination) -> dict[str, Any]:
    """Return the view of a queue of this kind: the list that changes use, and each person, event and so on."""
    name, show = _VIEWS[kind]
    shown: dict[str, Any] = {"list": _list(to)} if kind == "audience" and changes else {}
    people = People(changes, to.rules, to.identity, "preview")
    shown[name] = [_guarded(show, intent, people) for intent in KINDS[kind].intents(people)]
    return shown


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
    shown: dict[str, Any] = {"action": intent.membership or "update", "profile": attributes}
    return shown | {
        name: value if isinstance(value, dict) else list(value)
        for name in ("append", "unappend", "unset", "clear", "warnings")
        if (value := getattr(profile, name, ()))
    }


def _event(intent: Intent, people: People) -> dict[str, Any]:
    event = to_event(bytes(people.changes[intent.last].body.person), people.rules, people.policy.blocked.holds)
    row = event.row["attributes"]
    shown = {
        "action": "event",
        "event": row["events"]["data"][0]["attributes"],
        "profile": row["profile"]["data"]["attributes"],
    }
    return shown | ({"warnings": list(event.warnings)} if event.warnings else {})


def _consent(intent: Intent, people: People) -> dict[str, Any]:
    body = people.changes[intent.last].body
    read = to_consent(bytes(body.person), people.rules, people.policy.blocked.holds)
    consent = {name: value for name, value in asdict(read).items() if value}
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


#: By kind of queue: the name of its entries, and the function that shows one.
_VIEWS: Final[dict[str, tuple[str, _Show]]] = {
    "audience": ("people", _person),
    "profile": ("people", _person),
    "event": ("events", _event),
    "consent": ("consents", _consent),
    "erasure": ("erasures", _erasure),
    "snapshot": ("snapshots", _snapshot),
}
