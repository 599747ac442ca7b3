"""mParticle's membership messages, and what the adapter makes of them."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from configuration.connections import Connection, Connections
from intake.audiences import Audiences
from intake.mparticle import membership
from intake.mparticle.messages import MembershipMessage, decoder
from queues.acceptance import Acceptance, DeadOnArrival
from queues.change import Change, decode
from queues.names import Queue

NOW = 1_800_000_000_000
AT = 1_714_592_744_065
ACCOUNT = 123456
CONNECTION = Connections({"default": Connection("default")}).for_mparticle(ACCOUNT)
EMAIL = {"type": "email", "encoding": "raw", "value": "Ann@Example.com"}
CUSTOMER = {"type": "customer", "encoding": "raw", "value": "c-1"}


def audience(number: int = 456, action: str = "add", **more: Any) -> dict[str, Any]:
    """An entry of a profile's `audiences`."""
    return {"audience_id": number, "audience_name": f"Audience {number}", "action": action, **more}


def profile(*audiences: Any, identities: Any = (EMAIL,), **more: Any) -> dict[str, Any]:
    """One of `user_profiles`, of Ann unless told otherwise."""
    return {"user_identities": list(identities), "audiences": list(audiences), "mpid": "-42", **more}


def message(*profiles: Any, **more: Any) -> dict[str, Any]:
    """A membership message of these profiles."""
    envelope = {"type": "audience_membership_change_request", "id": "m-1", "timestamp_ms": AT}
    return {**envelope, "user_profiles": list(profiles), **more}


def raw_message(raw_profile: str) -> str:
    """The same, of a profile's JSON."""
    return '{"type":"audience_membership_change_request","user_profiles":[' + raw_profile + "]}"


def read(posted: dict[str, Any] | str, audiences: Audiences | None = None) -> list[Acceptance]:
    """What the adapter makes of it."""
    decoded = decoder.decode(posted if isinstance(posted, str) else json.dumps(posted))
    assert isinstance(decoded, MembershipMessage)
    return membership.acceptances(decoded, ACCOUNT, CONNECTION, audiences or Audiences(), NOW)


def only_change(posted: dict[str, Any] | str) -> Change:
    """The one change it makes of it."""
    (acceptance,) = read(posted)
    (stored,) = acceptance.changes
    assert acceptance.dead == []
    return decode(stored)


def only_dead(posted: dict[str, Any] | str) -> tuple[Queue, DeadOnArrival]:
    """The one change that is dead on arrival, and its queue."""
    (acceptance,) = read(posted)
    (letter,) = acceptance.dead
    assert acceptance.changes == []
    return acceptance.queue, letter


def person(change: Change) -> dict[str, Any]:
    """What is stored of the person."""
    decoded: dict[str, Any] = msgspec.json.decode(change.body.person)
    return decoded
