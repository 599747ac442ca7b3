"""A row of a snapshot: one person as the queue stores one, and by which identity the membership ledger knows them.

Why a snapshot is not carried out, or the list of a campaign not named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from identity.identifiers import key_of
from queues.snapshots import members
from queues.snapshots.buckets import IDENTIFIERS


class Unreadable(Exception):
    """The body of a snapshot is not in its format, or breaks off. The message names the place and the remedy.

    It refuses the whole snapshot: a row that is not understood may be a person, who would be taken off the list.
    """


class TemplateError(Exception):
    """The name of a campaign's list cannot be made from its template. The message says what is wrong and the remedy."""


#: What the fields of a fragment (`mappings.sources`) are called by Klaviyo, strongest first.
_KLAVIYO: Final = {"email": "email", "external_id": "external_id", "phone": "phone_number"}
_FRAGMENT: Final = {theirs: name for name, theirs in _KLAVIYO.items()}
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


class SnapshotRow(NamedTuple):
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
    """A row of which nobody can be sent.

    `reason`: of `mappings.errors`, or `identity_missing`, `email_missing`, `identifier_blocked`, `ambiguous_person`.
    """

    number: int
    reason: str


class Selection(NamedTuple):
    """What is sent of a row. `full`: everything.

    Else these `attributes`, by exact name, and what says who it is: the e-mail, or without one the id and the phone.
    """

    full: bool = False
    attributes: frozenset[str] = frozenset()


def row(number: int, person: dict[str, Any], customer: str = "", known: Mapping[str, str] | None = None) -> SnapshotRow:
    """The row of a fragment taken apart: trimmed identities, the phone as E.164, the attributes that are sent.

    `known`: `email`, `external_id` and `phone` as they identify the person, sent or not, of which there is at least
    one; those of the fragment without it.
    """
    known = {name: person[name] for name in _KLAVIYO if name in person} if known is None else known
    names = [_identity(name, known[name]) for name in _KLAVIYO if name in known]
    sent = {name: value for name, value in known.items() if person.get(name) == value}
    return SnapshotRow(number, names[0], _keys(sent), _encode(person), customer, tuple(names[1:]))


def identity_of(fragment: bytes) -> str:
    """By which identity the ledger knows the person of a fragment that came from a row."""
    person = _decode(fragment)
    return next(_identity(name, person[name]) for name in _KLAVIYO if name in person)


def strength(identity: str) -> int:
    """0 for an e-mail; the weaker the identity, the more."""
    return IDENTIFIERS.index(identity.partition(":")[0])


def of_member(identity: str) -> tuple[tuple[str, ...], bytes]:
    """The person keys and the fragment of a member, of whom the ledger knows nothing but the identity."""
    person = _of_identity(identity)
    return _keys(person), _encode(person)


def keys_of_member(identity: str) -> tuple[str, ...]:
    """The person keys of a member."""
    return of_member(identity)[0]


def as_member(found: SnapshotRow, member: str) -> SnapshotRow:
    """The row of a person whom the ledger knows under another identity than the row has.

    By that one they are sent, and not by the row's own, which has led to it.
    """
    own, person = _of_identity(member), _decode(found.fragment)
    # Where the ledger has a weaker name, it is not known whether what is stronger is on the same profile.
    left_out = _KLAVIYO if strength(member) > strength(found.identity) else _of_identity(found.identity)
    person = own | {name: value for name, value in person.items() if name not in left_out}
    whose = keys_of_member(member)
    keys = (*whose, *(key for key in found.keys if key not in whose))
    return found._replace(identity=member, keys=keys, fragment=_encode(person))


def _of_identity(identity: str) -> dict[str, str]:
    return {_FRAGMENT[theirs]: value for theirs, value in members.identifiers(identity).items()}


def _identity(name: str, value: str) -> str:
    return str(members.identity({_KLAVIYO[name]: value}))


def _keys(person: Mapping[str, Any]) -> tuple[str, ...]:
    """As the intake of /v1/changes makes them, so that a single change and a row of one person share a key."""
    return tuple(key_of((name, person[name])) for name in _KLAVIYO if name in person)
