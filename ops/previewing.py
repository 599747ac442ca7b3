"""What a message would become, by the very steps that intake and worker take, and nothing stored or sent. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from connections import Connection, Connections
from intake import changes_reading, faults, mparticle_membership, mparticle_messages, setting_values
from intake.audiences import Audiences
from intake.changes_messages import Posted
from intake.incoming import Incoming
from mappings.errors import Rejected
from mappings.merge import merge
from mappings.person import Person
from mappings.profile import to_profile
from mappings.rules import Rules
from mappings.sources import read
from ops.errors import Failed
from queues.acceptance import Acceptance
from queues.change import Change, decode
from worker.coalesce import Intent, coalesce
from worker.connection import Destination, resolve
from worker.errors import Held

#: Takes the message, all connections and the time in ms; its parts by queue, their connection, and account settings.
Reader = Callable[[bytes, Connections, int], tuple[list[Acceptance], Connection, dict[str, str]]]
_posted = msgspec.json.Decoder(Posted)
_account = msgspec.json.Decoder(mparticle_messages.Account | None)


def preview(source: str, body: bytes, connections: Connections, now: int) -> list[dict[str, Any]]:
    """One entry for each queue. Raises falcon.HTTPBadRequest for a message that would be refused, Failed."""
    acceptances, connection, account = READERS[source](body, connections, now)
    return [_queue(acceptance, connection, account) for acceptance in acceptances]


def _mparticle(body: bytes, connections: Connections, now: int) -> tuple[list[Acceptance], Connection, dict[str, str]]:
    message = faults.read(mparticle_messages.decoder, body, mparticle_messages.TYPES)
    if not isinstance(message, mparticle_messages.Membership):
        kind = message.__struct_config__.tag
        raise Failed(f"{kind} changes nobody's membership; give an audience_membership_change_request")
    account = (_account.decode(message.account) if bytes(message.account) else None) or mparticle_messages.Account()
    connection = connections.for_mparticle(account.account_id)
    found = mparticle_membership.acceptances(message, account.account_id, connection, Audiences(), now)
    return found, connection, setting_values.read(account.account_settings)


def _changes(body: bytes, connections: Connections, now: int) -> tuple[list[Acceptance], Connection, dict[str, str]]:
    connection = connections.named("default")
    posted = faults.read(_posted, body)
    incoming = Incoming(connection, changes_reading.SOURCE, "", now)
    places = [(f"$.changes[{index}]", raw) for index, raw in enumerate(posted.changes)]
    changes_reading.read(places, posted.audience, incoming, now)
    return incoming.acceptances("", Audiences()), connection, {}


READERS: dict[str, Reader] = {"mparticle": _mparticle, "changes": _changes}


def _queue(acceptance: Acceptance, connection: Connection, account: dict[str, str]) -> dict[str, Any]:
    audience = msgspec.json.decode(acceptance.audience) if acceptance.audience else {}
    changes = [decode(stored) for stored in acceptance.changes]
    told: dict[str, Any] = {"queue": str(acceptance.queue), "audience": audience.get("name")}
    try:
        to = resolve(connection, "", account, audience, acceptance.queue.target)
    except Held as held:
        told["held"] = {"reason": held.reason, "resolve": held.resolve}
    else:
        told["list"] = _list(to)
        told["people"] = [_person(intent, changes, to.rules) for intent in coalesce(changes)]
    told["dead_on_arrival"] = [{"reason": letter.reason, "detail": letter.detail} for letter in acceptance.dead]
    return told


def _list(to: Destination) -> dict[str, str]:
    if found := to.list_id or (to.list_name is None and to.given_id):
        return {"id": found}
    return {"name": to.list_name or to.known_as}


def _person(intent: Intent, changes: Sequence[Change], rules: Rules) -> dict[str, Any]:
    told: dict[str, Any] = {"action": intent.membership or "update", "changes": intent.indexes}
    shown = intent.written or [intent.last]
    try:
        person = merge([read(changes[i].body.source, bytes(changes[i].body.person)) for i in shown])
        profile = to_profile(person if intent.written else Person(person.identities), rules)
    except Rejected as fault:
        return {"action": "dead_letter", "changes": intent.indexes, "reason": fault.reason, "detail": fault.detail}
    told["profile"] = profile.attributes
    told |= {name: list(value) for name in ("unset", "clear", "warnings") if (value := getattr(profile, name, ()))}
    return told
