"""What a message would become, by the very steps that intake and worker take, and nothing stored or sent. Pure."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from connections import DEFAULT, Connection, Connections
from intake import (
    changes_reading,
    faults,
    mparticle_consents,
    mparticle_erasure,
    mparticle_membership,
    mparticle_messages,
    segment_reading,
    setting_values,
)
from intake.audiences import Audiences
from intake.changes_messages import Posted
from intake.incoming import KIND, Incoming
from mappings import times
from mappings.consent_state import Decision, State
from ops.errors import Failed
from ops.preview_view import queue_view
from queues.acceptance import Acceptance
from queues.change import decode
from queues.names import Queue
from worker.connection import resolve
from worker.errors import Held


@dataclass(frozen=True, slots=True)
class Read:
    """What intake makes of a message. `account`: settings. `unmapped`: by type, messages that no action is for.

    `remembered`: consents by purpose that would be kept for later changes of the person.
    """

    acceptances: list[Acceptance]
    connection: Connection
    account: Mapping[str, str] = field(default_factory=dict)
    unmapped: Mapping[str, int] = field(default_factory=dict)
    remembered: State = field(default_factory=dict)


#: Takes the message, all connections, the name of the one that was asked for, and the time in ms.
Reader = Callable[[bytes, Connections, str, int], Read]
_posted = msgspec.json.Decoder(Posted)
_account = msgspec.json.Decoder(mparticle_messages.Account | None)


def preview(source: str, body: bytes, connections: Connections, now: int, connection: str = DEFAULT) -> dict[str, Any]:
    """`queues`, one entry for each, what is `unmapped`, and the consents that would be `remembered`.

    `connection`: by its name; what mParticle sends has the one of its account. Raises the falcon.HTTPError of a message
    that would be refused, TooMuch, UnknownConnection, Failed.
    """
    found = READERS[source](body.removeprefix(codecs.BOM_UTF8), connections, connection, now)
    told: dict[str, Any] = {"queues": [_queue(each, found) for each in _by_queue(found.acceptances)]}
    if found.unmapped:
        told["unmapped"] = dict(found.unmapped)
    if found.remembered:
        told["remembered"] = {name: _decision(decision) for name, decision in found.remembered.items()}
    return told


def _decision(decision: Decision) -> dict[str, Any]:
    return {"agrees": decision.agrees, "since": times.to_iso(decision.at)}


def _mparticle(body: bytes, connections: Connections, _asked: str, now: int) -> Read:
    message = mparticle_messages.read(body)
    account = (_account.decode(message.account) if bytes(message.account) else None) or mparticle_messages.Account()
    connection = connections.for_mparticle(account.account_id)
    read = Read([], connection, setting_values.read(account.account_settings))
    match message:
        case mparticle_messages.Membership():
            make = mparticle_membership.acceptances
            return replace(read, acceptances=make(message, account.account_id, connection, Audiences(), now))
        case mparticle_messages.Erasure():
            erase = mparticle_erasure.acceptances
            return replace(read, acceptances=erase(message, account.account_id, connection, Audiences(), now))
        case mparticle_messages.Events():
            _, decisions = mparticle_consents.read(message, account.account_id, connection, now)
            return replace(read, remembered=decisions)
    kind = message.__struct_config__.tag
    raise Failed(f"{kind} is about nobody; give a message about people, such as audience_membership_change_request")


def _changes(body: bytes, connections: Connections, asked: str, now: int) -> Read:
    connection = connections.named(asked)
    posted = faults.read(_posted, body, apart=("changes",))
    incoming = Incoming(connection, changes_reading.SOURCE, "", now)
    places = [(f"$.changes[{index}]", raw) for index, raw in enumerate(posted.changes)]
    changes_reading.read(places, posted.audience, incoming, now)
    return Read(incoming.acceptances("", Audiences()), connection)


def _segment(body: bytes, connections: Connections, asked: str, now: int) -> Read:
    connection = connections.named(asked)
    reading = segment_reading.read(body, connection, Audiences(), now)
    return Read(reading.acceptances, connection, unmapped=reading.unmapped)


READERS: dict[str, Reader] = {"mparticle": _mparticle, "changes": _changes, "segment": _segment}


def _by_queue(acceptances: Iterable[Acceptance]) -> Iterable[Acceptance]:
    """One for each queue, where several messages come at once."""
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


def _queue(acceptance: Acceptance, found: Read) -> dict[str, Any]:
    queue = acceptance.queue
    audience = msgspec.json.decode(acceptance.audience) if acceptance.audience else {}
    changes = [decode(stored) for stored in acceptance.changes]
    told: dict[str, Any] = {"queue": str(queue)}
    if queue.kind == KIND:
        told["audience"] = audience.get("name")
    try:
        to = resolve(found.connection, "", found.account, audience, queue.target)
    except Held as held:
        told["held"] = {"reason": held.reason, "resolve": held.resolve}
    else:
        told |= queue_view(queue.kind, changes, to)
    told["dead_on_arrival"] = [{"reason": letter.reason, "detail": letter.detail} for letter in acceptance.dead]
    return told
