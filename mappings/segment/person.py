"""Reads a person as the field mapping of a Segment action leaves them.

What Segment's request to delete a user comes to (Segment: user deletion and suppression).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mappings import contact
from mappings import person as fragments
from mappings.identifiers import EMAIL, EXTERNAL_ID, PHONE
from mappings.person import Attribute, Identity, Person
from mappings.rules import Rules
from mappings.segment import paths
from mappings.segment.routed import Routed, identities, nobody

#: Of the fragment's identifiers, the types of identity that mean them.
_TYPES: Final = {EMAIL: "email", PHONE: "phone", EXTERNAL_ID: "external_id"}
_STANDARD: Final = ("first_name", "last_name", "organization", "title", "image")
#: Segment's own ids of people; Klaviyo has no use for them.
_OWN: Final = ("user_id", "anonymous_id")
#: Stands for an identifier that is wrong, and is one by no rule, so that the profile tells it as wrong.
_WRONG: Final = "\0"
#: A phone with a country of its own is read by that country, whatever the connection's rules are.
_NO_RULES: Final = Rules()


def read(fragment: bytes) -> Person:
    """The person in `{"email", "phone_number", "country_code", "external_id", "first_name", "last_name",
    "organization", "title", "image", "location": {...}, "properties": {...}}`, each of which may be left out.

    A property that is null is removed; one named like a standard field fills that field when nothing else does.
    Raises Rejected(fragment_unreadable).
    """
    person = fragments.decode(fragment)
    return Person(identities=tuple(_identities(person)), attributes=tuple(_attributes(person)), klaviyo_names=True)


def identified(person: Mapping[str, Any]) -> Person:
    """The same of fields that are read already, without attributes."""
    return Person(identities=tuple(_identities(person)))


def _identities(person: Mapping[str, Any]) -> Iterator[Identity]:
    for name, identity in _TYPES.items():
        value = contact.text(person.get(name))
        if value and name == PHONE and person.get("country_code"):
            loaded, _ = contact.read(person, (PHONE,), _NO_RULES)
            value = loaded.get(PHONE, _WRONG)
        if value != "":
            yield Identity(identity, _WRONG if value is None else value)
    for name in _OWN:
        if value := contact.text(person.get(name)):
            yield Identity(name, value)


def _attributes(person: Mapping[str, Any]) -> Iterator[Attribute]:
    """The properties first, because the later of two attributes wins."""
    for name, value in _table(person, "properties").items():
        yield Attribute(name, value, deleted=value is None)
    for name in _STANDARD:
        if name in person:
            yield Attribute(name, person[name])
    for name, value in _table(person, "location").items():
        yield Attribute(name, value)


def _table(person: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = person.get(name, {})
    if not isinstance(table, dict):
        raise fragments.unreadable(f"has {name} that are no JSON object; map an object to them", name)
    return table


#: Segment itself sends the user id alone; other senders know more.
_FIELDS: Final = {
    "email": ("$.traits.email", "$.context.traits.email"),
    "phone_number": ("$.traits.phone", "$.context.traits.phone"),
    "external_id": ("$.userId",),
}
_PATHS: Final = {name: tuple(map(paths.parse_path, texts)) for name, texts in _FIELDS.items()}


def erasure(message: dict[str, Any]) -> Routed:
    """The person to forget; dead on arrival where nothing identifies one."""
    fields = {name: value for name in _PATHS if (value := _first(name, message))}
    # The phone always, for what waits may be known by nothing else, such as a consent to SMS.
    phone = (("phone", fields["phone_number"]),) if "phone_number" in fields else ()
    known = tuple(dict.fromkeys((*identities(fields, message), *phone)))
    return Routed("erasure", "erase", fields, known, **nobody("erasure", fields))


def _first(name: str, message: dict[str, Any]) -> str | None:
    found = (contact.text(paths.resolve(path, message)) for path in _PATHS[name])
    return next((value for value in found if value), None)
