"""A row of a snapshot: one person as the queue stores one, and by which identity the membership ledger knows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from queues import members, phones
from queues.change import person_key

#: What the fields of a fragment (`mappings.changes`) are called by Klaviyo.
_KLAVIYO: Final = {"email": "email", "phone": "phone_number", "external_id": "external_id"}
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


class Row(NamedTuple):
    """One person to be on the list.

    `number`: of the row in the body, from 1; several people of one row share it. `identity`: as `members.identity`
    makes it. `keys`: person keys of what is sent. `fragment`: as /v1/changes has it. `customer`: who the sender counts
    as one, empty where only the identity tells. `also`: weaker identities, sent or not, under which the person may be
    on the list already.
    """

    number: int
    identity: str
    keys: tuple[str, ...]
    fragment: bytes
    customer: str = ""
    also: tuple[str, ...] = ()


class Unusable(NamedTuple):
    """A row of which nobody can be sent. `reason`: of `mappings.errors`, or `identity_missing`, `email_missing`."""

    number: int
    reason: str


class Selection(NamedTuple):
    """What is sent of a row. `full`: everything; else the strongest identity and these `attributes`, by exact name."""

    full: bool = False
    attributes: frozenset[str] = frozenset()


def row(number: int, person: dict[str, Any], customer: str = "", unsent: Mapping[str, str] | None = None) -> Row:
    """The row of a fragment taken apart: trimmed identities, the phone as E.164, the attributes that are sent.

    `person` has at least one of `email`, `phone`, `external_id`. `unsent`: weaker ones of these that are known besides.
    """
    told = {**(unsent or {}), **person}
    known = [_identity(name, told[name]) for name in _KLAVIYO if name in told]
    return Row(number, known[0], _keys(person), _encode(person), customer, tuple(known[1:]))


def identity_of(fragment: bytes) -> str:
    """By which identity the ledger knows the person of a fragment that came from a row."""
    person = _decode(fragment)
    return next(_identity(name, person[name]) for name in _KLAVIYO if name in person)


def of_member(identity: str) -> tuple[tuple[str, ...], bytes]:
    """The person keys and the fragment of a member, of whom the ledger knows nothing but the identity."""
    known = members.identifiers(identity)
    person = {name: known[theirs] for name, theirs in _KLAVIYO.items() if theirs in known}
    return _keys(person), _encode(person)


def keys_of_member(identity: str) -> tuple[str, ...]:
    """The person keys of a member."""
    return of_member(identity)[0]


def alone(shared: Row) -> Row:
    """The row without its external id, which several people have: they would be taken for one person."""
    person = _decode(shared.fragment)
    if shared.identity.startswith("external_id:") or person.pop("external_id", None) is None:
        return shared
    return row(shared.number, person, shared.customer)


def _identity(name: str, value: str) -> str:
    return str(members.identity({_KLAVIYO[name]: value}))


def _keys(person: dict[str, Any]) -> tuple[str, ...]:
    """As the intake of /v1/changes makes them, so that a single change and a row of one person share a key."""
    keys = []
    if "email" in person:
        keys.append(person_key("email", person["email"]))
    elif "phone" in person:
        keys.append(person_key("phone", phones.plain(person["phone"])))
    if "external_id" in person:
        keys.append(person_key("external_id", person["external_id"]))
    return tuple(keys)
