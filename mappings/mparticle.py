"""Reads a person as mParticle's Firehose describes them (mParticle: Firehose, audience_membership_change_request).

Its serialiser leaves out null and empty values, and its own samples contain empty objects, so an unreadable entry is
skipped and the person is kept. `merge` makes one person of several changes when they are coalesced.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mappings import identifiers
from mappings import person as fragments
from mappings.person import Attribute, Identity, Person


def read(fragment: bytes) -> Person:
    """Return the person in `{"mpid", "user_identities", "user_attributes"}`; raises Rejected(fragment_unreadable)."""
    person = fragments.decode(fragment)
    return Person(
        identities=(*_identities(person.get("user_identities")), *_mpid(person.get("mpid"))),
        attributes=tuple(_attributes(person.get("user_attributes"))),
    )


def _objects(entries: Any) -> list[dict[str, Any]]:
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _identities(entries: Any) -> Iterator[Identity]:
    for entry in _objects(entries):
        name, value = entry.get("type"), entry.get("value")
        encoding = _encoding(entry.get("encoding"))
        if not (isinstance(name, str) and isinstance(value, str) and value and encoding):
            continue
        canonical = identifiers.canonical(name)
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
        attributes=tuple(attribute for person in people for attribute in person.attributes),
        klaviyo_names=people[-1].klaviyo_names,
    )


def _by_type(person: Person) -> dict[str, list[Identity]]:
    found: dict[str, list[Identity]] = {}
    for identity in person.identities:
        found.setdefault(identity.type, []).append(identity)
    return found
