"""Reads the person in a stored change, by the source that sent it, and merges the persons of several changes.

mParticle's Firehose leaves out null and empty values, and its own samples contain empty objects (mParticle: Firehose,
audience_membership_change_request), so an unreadable entry is skipped and the person is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from mappings import identifiers
from mappings import person as fragments
from mappings.errors import Reason, Rejected
from mappings.person import Attribute, Identity, Person
from mappings.segment import person as segment_person

_IDENTITIES = ("email", "phone", "external_id")
#: A consent holds only addresses, in the same form for every source.
_CONSENT: Final = "consent"
_EVENT: Final = "event"


class _Write(msgspec.Struct, gc=False):
    key: str
    action: str
    value: Any
    list_value: Any = None


class _UsualPerson(msgspec.Struct, gc=False):
    """A person of mParticle's Firehose without anything that has to be corrected or skipped."""

    user_identities: tuple[Identity, ...] = ()
    user_attributes: tuple[_Write, ...] = ()
    mpid: str = ""


_decode: Final = msgspec.json.Decoder(_UsualPerson).decode
_ENCODINGS: Final = frozenset({"raw", "md5", "sha1", "sha256"})


def read_mparticle(fragment: bytes) -> Person:
    """Return the person in `{"mpid", "user_identities", "user_attributes"}`; raises Rejected(fragment_unreadable)."""
    return _usual(fragment) or _unusual(fragment)


def _usual(fragment: bytes) -> Person | None:
    """Return what `_unusual` would, in half the time; None for a person who has anything unusual."""
    try:
        person = _decode(fragment)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    for each in person.user_identities:
        if not (each.value and each.encoding in _ENCODINGS and each.type in identifiers.FIREHOSE):
            return None
    for write in person.user_attributes:
        if not write.key or write.action != "upsert" or write.value is None or write.list_value:
            return None
    return Person(
        identities=(*person.user_identities, Identity("mpid", person.mpid)) if person.mpid else person.user_identities,
        attributes=tuple([Attribute(write.key, write.value) for write in person.user_attributes]),
    )


def _unusual(fragment: bytes) -> Person:
    person = fragments.decode(fragment)
    return Person(
        identities=(*_firehose_identities(person.get("user_identities")), *_mpid(person.get("mpid"))),
        attributes=tuple(_attributes(person.get("user_attributes"))),
    )


def _objects(entries: Any) -> list[dict[str, Any]]:
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _firehose_identities(entries: Any) -> Iterator[Identity]:
    for entry in _objects(entries):
        name, value = entry.get("type"), entry.get("value")
        encoding = _encoding(entry.get("encoding"))
        if not (isinstance(name, str) and isinstance(value, str) and value and encoding):
            continue
        canonical = identifiers.firehose_type(name)
        if canonical is not None:
            yield Identity(canonical, value, encoding)


def _encoding(encoding: Any) -> str | None:
    """Return the encoding by its Firehose name: a missing encoding, and `none` of the Profile API, are `raw`."""
    if not encoding:
        return "raw"
    if not isinstance(encoding, str):
        return None
    encoding = encoding.lower()
    return "raw" if encoding == "none" else encoding


def _mpid(mpid: Any) -> Iterator[Identity]:
    """Yield the mParticle id, a signed 64-bit number, as text; a float would lose digits."""
    if isinstance(mpid, str | int) and not isinstance(mpid, bool) and mpid != "":
        yield Identity("mpid", str(mpid))


def _attributes(entries: Any) -> Iterator[Attribute]:
    for entry in _objects(entries):
        key, action = entry.get("key"), entry.get("action")
        if not (isinstance(key, str) and key and isinstance(action, str)):
            continue
        action = action.lower()
        if action == "delete":
            yield Attribute(key, deleted=True)
        elif action == "upsert":
            yield Attribute(key, _value(entry))


def _value(entry: dict[str, Any]) -> Any:
    """Return the list if there is one, else the value, else True: an attribute without either is a tag."""
    entries = entry.get("list_value")
    if isinstance(entries, list) and entries:
        return [item for item in entries if item is not None]
    value = entry.get("value")
    return True if value is None else value


def merge(people: Sequence[Person]) -> Person:
    """Merge at least one person, given oldest to newest, into one.

    Each identity type comes from the newest change that has it: a change that leaves an identifier out does not remove
    it. All attributes are kept; later ones win over earlier ones.
    """
    if len(people) == 1:
        return people[0]
    by_type: dict[str, list[Identity]] = {}
    for person in people:
        by_type |= _by_type(person)
    return Person(
        identities=tuple(each for identities in by_type.values() for each in identities),
        attributes=tuple(attribute for person in people for attribute in person.writes()),
        klaviyo_names=people[-1].klaviyo_names,
    )


def _by_type(person: Person) -> dict[str, list[Identity]]:
    found: dict[str, list[Identity]] = {}
    for identity in person.identities:
        found.setdefault(identity.type, []).append(identity)
    return found


def read_changes(fragment: bytes) -> Person:
    """Return the person in `{"email", "phone", "external_id", "attributes"}`; raises Rejected(fragment_unreadable)."""
    person = fragments.decode(fragment)
    attributes = person.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise fragments.unreadable("has attributes that are not a JSON object")
    return Person(
        identities=tuple(_direct_identities(person)),
        attributes=tuple(Attribute(key, value, deleted=value is None) for key, value in attributes.items()),
        klaviyo_names=True,
    )


def _direct_identities(person: dict[str, Any]) -> Iterator[Identity]:
    for name in _IDENTITIES:
        value = person.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is not None and not isinstance(value, str):
            raise fragments.unreadable(f"has a value for {name} that is neither text nor a whole number", name)
        if value:
            yield Identity(name, value)


_READERS: Final[dict[str, Callable[[bytes], Person]]] = {
    "changes": read_changes,
    "mparticle": read_mparticle,
    "segment": segment_person.read,
    "snapshot": read_changes,
}


def read(source: str, fragment: bytes) -> Person:
    """Return the person in a stored fragment of this source.

    Raises Rejected: `source_unknown` for a source without a reader, `fragment_unreadable` from the reader.
    """
    reader = _READERS.get(source)
    if reader is None:
        known = ", ".join(_READERS)
        raise Rejected(
            Reason.SOURCE_UNKNOWN,
            None,
            f"the source {source!r} is unknown (known: {known}); a newer version of Ferry may have stored the change: "
            "run that version's worker and replay",
        )
    return reader(fragment)


def stored_person(kind: str, source: str, fragment: bytes) -> Person:
    """Return the person of a change in a queue of that kind; for an event, without attributes.

    Raises Rejected for an unreadable fragment.
    """
    if kind == _CONSENT:
        return segment_person.read(fragment)
    if kind != _EVENT:
        return read(source, fragment)
    fields = fragments.decode(fragment)
    profile = fields.get("profile")
    if not isinstance(profile, dict):
        raise fragments.unreadable("has a profile that is not a JSON object", "profile")
    # The CDP's own id is stored beside the profile, which holds only Klaviyo's identifiers.
    return segment_person.identified({**profile, "user_id": fields.get("user_id")})
