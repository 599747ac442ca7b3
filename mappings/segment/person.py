"""Reads a person as stored by a Segment action, and Segment's request to delete a user.

Source of the request: Segment, user deletion and suppression.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, Final

from mappings import contact
from mappings import person as fragments
from mappings.identifiers import EMAIL, EXTERNAL_ID, PHONE
from mappings.person import Attribute, Identity, Person
from mappings.rules import Rules
from mappings.segment import paths
from mappings.segment.routed import Routed, identities, nobody

#: The identity types of the identifiers in a fragment.
_TYPES: Final = {EMAIL: "email", PHONE: "phone", EXTERNAL_ID: "external_id"}
_STANDARD: Final = ("first_name", "last_name", "organization", "title", "image")
#: What a fragment has beside identifiers and fields.
_OTHERS: Final = frozenset({"properties", "append", "unappend", "unset"})
#: Segment's own ids of people, which Klaviyo does not use.
_OWN: Final = ("user_id", "anonymous_id")
#: Replaces a wrong identifier; no rule accepts it, so the profile reports it as wrong.
_WRONG: Final = "\0"
#: A phone number with its own country is read by that country, whatever the connection's rules are.
_NO_RULES: Final = Rules()


def read(fragment: bytes) -> Person:
    """Return the person in `{"email", "phone_number", "country_code", "external_id", "first_name", "last_name",
    "organization", "title", "image", "location": {...}, "properties": {...}, "append": {...}, "unappend": {...},
    "unset": [...]}`; every name is optional.

    A null property is removed, a null member of the location cleared. A property named like a standard field fills that
    field if the person does not have the field. `append` and `unappend`: entries for the lists that custom properties
    are. `unset`: names of properties and standard fields to remove. Raises Rejected(fragment_unreadable).
    """
    person = fragments.decode(fragment)
    fields: dict[str, Any] = {name: person[name] for name in _STANDARD if name in person}
    location = _table(person, "location")
    attributes = () if _OTHERS.isdisjoint(person) else _attributes(person, {**fields, **location})
    return Person(_identities(person), attributes, True, fields, location)


def identified(person: Mapping[str, Any]) -> Person:
    """Return the person in a decoded fragment, without attributes."""
    return Person(_identities(person))


def _identities(person: Mapping[str, Any]) -> tuple[Identity, ...]:
    found = []
    for name, identity in _TYPES.items():
        if name not in person:
            continue
        value = contact.text(person[name])
        if value and name == PHONE and person.get("country_code"):
            loaded, _ = contact.read(person, (PHONE,), _NO_RULES)
            value = loaded.get(PHONE, _WRONG)
        if value != "":
            found.append(Identity(identity, _WRONG if value is None else value))
    for name in _OWN:
        if value := contact.text(person.get(name)):
            found.append(Identity(name, value))
    return tuple(found)


def _attributes(person: Mapping[str, Any], given: Container[str]) -> tuple[Attribute, ...]:
    """Return removals, properties and patches. `given`: the fields, which a property of the same name does not fill."""
    found = [Attribute(name, deleted=True) for name in _removed(person)]
    for name, value in _table(person, "properties").items():
        found.append(Attribute(name, value, deleted=value is None, custom=name in given))
    for change in ("append", "unappend"):
        for name, value in _table(person, change).items():
            entries = value if isinstance(value, list) else [value]
            found.append(Attribute(name, {"append": [], "unappend": [], change: entries}, custom=True, patch=True))
    return tuple(found)


def _removed(person: Mapping[str, Any]) -> list[str]:
    names = person.get("unset", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise fragments.unreadable("has a value for unset that is not a list of names", "unset")
    return names


def _table(person: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = person.get(name, {})
    if not isinstance(table, dict):
        raise fragments.unreadable(f"has a value for {name} that is not a JSON object; map an object to it", name)
    return table


#: Segment itself sends only the user id; other senders send more.
_FIELDS: Final = {
    "email": ("$.traits.email", "$.context.traits.email"),
    "phone_number": ("$.traits.phone", "$.context.traits.phone"),
    "external_id": ("$.userId",),
}
_PATHS: Final = {name: tuple(map(paths.parse_path, texts)) for name, texts in _FIELDS.items()}


def erasure(message: dict[str, Any]) -> Routed:
    """Return the erasure of the person; it becomes a dead letter at once if there is no identifier."""
    fields = {name: value for name in _PATHS if (value := _first(name, message))}
    # Always with the phone number: a pending change, such as a consent to SMS, may have no other identifier.
    phone = (("phone", fields["phone_number"]),) if "phone_number" in fields else ()
    known = tuple(dict.fromkeys((*identities(fields, message), *phone)))
    return Routed("erasure", "erase", fields, known, **nobody("erasure", fields))


def _first(name: str, message: dict[str, Any]) -> str | None:
    found = (contact.text(path.find(message)) for path in _PATHS[name])
    return next((value for value in found if value), None)
