"""Turns a data subject's request to be forgotten into an erasure (mParticle: Firehose, DSR processing)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from configuration.connections import Connection
from intake.audiences import Audiences
from intake.http.faults import UNREADABLE, bad_request, check_count, describe
from intake.http.limits import IDENTITIES
from intake.incoming import NO_IDENTITY, Incoming
from intake.mparticle.identities import subject_keys
from intake.mparticle.membership import SOURCE
from intake.mparticle.messages import Erasure, MParticleIdentity
from queues.acceptance import Acceptance
from queues.names import TARGETS

#: The kind of the queue of erasures.
KIND: Final = "erasure"
_PLACE: Final = "$.subject_identities"

_identities = msgspec.json.Decoder(dict[str, MParticleIdentity | None] | None)
_encode = msgspec.json.Encoder().encode


def acceptances(
    message: Erasure, account_id: int | None, connection: Connection, audiences: Audiences, now: int
) -> list[Acceptance]:
    """Return the erasure; a dead letter when nothing identifies the person. Raises falcon.HTTPBadRequest, TooMuch."""
    if (message.subject_request_type or KIND) != KIND:
        raise bad_request("$.subject_request_type: not erasure, the only type that Ferry is registered for")
    identities = _read(message)
    person = _encode({"user_identities": identities, **_mpid(identities)})
    incoming = Incoming(connection, SOURCE, message.id or "", now)
    part = incoming.part(TARGETS[KIND], KIND)
    if keys := subject_keys(account_id, identities, connection):
        incoming.add(part, keys, "erase", now, person)
    else:
        incoming.bury(part, _PLACE, now, person, NO_IDENTITY, f"{_PLACE}: no identity by which to find the person")
    dedupe = f"{message.__struct_config__.tag}:{message.id}" if message.id else ""
    return incoming.acceptances(dedupe, audiences)


def _mpid(identities: list[MParticleIdentity]) -> dict[str, str]:
    """Return the mpid in the form of a profile; a data subject has it among the identities."""
    found = (each.value for each in identities if (each.type or "").lower() == "mpid" and each.value)
    return next(({"mpid": value} for value in found), {})


def _read(message: Erasure) -> list[MParticleIdentity]:
    """Return the subject's identities in the form of a profile."""
    if not (json := bytes(message.subject_identities)):
        return []
    try:
        named: dict[str, Any] = _identities.decode(json) or {}
    except UNREADABLE as fault:
        raise bad_request(describe(fault, _PLACE)) from None
    check_count(len(named), IDENTITIES, "identities of one person", _PLACE)
    return [MParticleIdentity(name, found.encoding or "raw", found.value) for name, found in named.items() if found]
