"""The rows of a snapshot: a person as a queue stores one, with the person's identity in the membership ledger.

Also the exceptions for a snapshot that is not carried out and for a campaign's list that cannot be named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from identity.identifiers import key_of
from mappings import columns
from mappings.columns import ColumnTarget
from mappings.identifiers import EMAIL
from queues.snapshots import members
from queues.snapshots.buckets import IDENTIFIERS
from snapshots.report import ReadReport


class Unreadable(Exception):
    """The body of a snapshot is not in its format, or is truncated. The message names the place and the remedy.

    The whole snapshot is refused: otherwise the person of an unreadable row would be taken off the list.
    """


class TemplateError(Exception):
    """The name of a campaign's list cannot be made from its template. The message names the fault and the remedy."""


#: Name in a fragment (`mappings.sources`) -> Klaviyo's name, strongest first.
_KLAVIYO: Final = {"email": "email", "external_id": "external_id", "phone": "phone_number"}
_FRAGMENT: Final = {theirs: name for name, theirs in _KLAVIYO.items()}
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


class SnapshotRow(NamedTuple):
    """One person who should be on the list.

    `number`: number of the row in the body, from 1; several people of one row share it. `identity`: as
    `members.identity` makes it. `keys`: person keys of the identifiers that are sent. `fragment`: in the form of
    /v1/changes. `customer`: the sender's id of the customer, empty if there is only the identity. `also`: weaker
    identities, sent or not, under which the person may already be on the list.
    """

    number: int
    identity: str
    keys: tuple[str, ...]
    fragment: bytes
    customer: str = ""
    also: tuple[str, ...] = ()


class Unusable(NamedTuple):
    """A row that cannot be sent.

    `reason`: one of `mappings.errors`, or `identity_missing`, `email_missing`, `identifier_blocked`,
    `ambiguous_person`.
    """

    number: int
    reason: str


#: Why columns are not sent, and how to send them.
NOT_CHOSEN: Final = "not chosen: add it to default_attributes, or set full_profile = true"
BESIDE: Final = "identifies people without an e-mail; full_profile = true sends it beside one"
#: The same if the query or the campaign has attributes of its own, which full_profile does not change.
NOT_IN_ATTRIBUTES: Final = "not chosen: add it to attributes"
NOT_BESIDE: Final = "identifies people without an e-mail; attributes sends no identifier beside one"


class Selection(NamedTuple):
    """The part of a row to send. `full`: everything.

    Otherwise these `attributes`, by name, and the identifiers: the e-mail, or without one the id and the phone. A name
    of a field counts in any spelling, that of a property exactly; `properties` stands for all properties of that
    column. `own`: the attributes are those of a query or a campaign.
    """

    full: bool = False
    attributes: frozenset[str] = frozenset()
    own: bool = False

    @classmethod
    def of(cls, full: bool, names: Iterable[str]) -> Selection:
        """Return the selection of these attributes."""
        return cls(full, frozenset(map(columns.known, names)))

    @classmethod
    def chosen(cls, full: bool, defaults: Iterable[str], own: Iterable[str] | None) -> Selection:
        """Return what a connection sends (`full`, `defaults`), or the attributes of a query or campaign (`own`)."""
        return cls.of(full, defaults) if own is None else cls.of(False, own)._replace(own=True)

    def has(self, name: str) -> bool:
        """Return whether the attribute is sent."""
        return self.full or name in self.attributes

    def note(self, report: ReadReport, names: Sequence[str], targets: Sequence[ColumnTarget]) -> None:
        """Report what columns become, and why some are not sent."""
        has_email = any(target.name == EMAIL for target in targets if target.kind == "identifier")
        for name, target in zip(names, targets, strict=True):
            report.use(name.strip(), str(target), self._why_not(target, has_email))

    def _why_not(self, target: ColumnTarget, has_email: bool) -> str:
        if target.kind == "ignored":
            return "another column becomes this field"
        if target.kind == "identifier":
            is_beside = has_email and target.name != EMAIL and not self.full
            return (NOT_BESIDE if self.own else BESIDE) if is_beside else ""
        return "" if self.has(target.name) else NOT_IN_ATTRIBUTES if self.own else NOT_CHOSEN


def row(number: int, person: dict[str, Any], customer: str = "", found: Mapping[str, str] | None = None) -> SnapshotRow:
    """Return the row of a decoded fragment: trimmed identities, the phone as E.164, the attributes to send.

    `found`: what identifies the person by Klaviyo's names, sent or not; at least one. Without it, the fragment's.
    """
    if found is None:
        found = {theirs: person[name] for name, theirs in _KLAVIYO.items() if name in person}
    identity, *also = members.identities(found)
    sent = {
        name: found[theirs]
        for name, theirs in _KLAVIYO.items()
        if theirs in found and person.get(name) == found[theirs]
    }
    return SnapshotRow(number, identity, _keys(sent), _encode(person), customer, tuple(also))


def identity_of(fragment: bytes) -> str:
    """Return the identity in the ledger of the person of a fragment that came from a row."""
    person = _decode(fragment)
    return next(_identity(name, person[name]) for name in _KLAVIYO if name in person)


def strength(identity: str) -> int:
    """Return the rank of an identity: 0 for an e-mail, more for weaker ones."""
    return IDENTIFIERS.index(identity.partition(":")[0])


def of_member(identity: str) -> tuple[tuple[str, ...], bytes]:
    """Return the person keys and the fragment of a member, made from the identity in the ledger."""
    person = _of_identity(identity)
    return _keys(person), _encode(person)


def keys_of_member(identity: str) -> tuple[str, ...]:
    """Return the person keys of a member."""
    return of_member(identity)[0]


def as_member(found: SnapshotRow, member: str) -> SnapshotRow:
    """Return the row of a person whom the ledger knows under another identity, which replaces the row's.

    The person is sent by the ledger's identity and not by the row's, which only led to it.
    """
    own, person = _of_identity(member), _decode(found.fragment)
    # When the ledger's identity is weaker, the stronger ones may be on another profile.
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
    """Return the keys as the intake of /v1/changes makes them, so that changes and rows of one person share a key."""
    return tuple([key_of((name, person[name])) for name in _KLAVIYO if name in person])
