"""Reads a person as a sender of `/v1/changes` describes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mappings import fragments
from mappings.person import Attribute, Identity, Person

_IDENTITIES = ("email", "phone", "external_id")


def read(fragment: bytes) -> Person:
    """The person in `{"email", "phone", "external_id", "attributes"}`; raises Rejected(fragment_unreadable)."""
    person = fragments.decode(fragment)
    attributes = person.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise fragments.unreadable("has attributes that are no JSON object")
    return Person(
        identities=tuple(_identities(person)),
        attributes=tuple(Attribute(key, value, deleted=value is None) for key, value in attributes.items()),
        klaviyo_names=True,
    )


def _identities(person: dict[str, Any]) -> Iterator[Identity]:
    for name in _IDENTITIES:
        value = person.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is not None and not isinstance(value, str):
            raise fragments.unreadable(f"has a value for {name} that is neither text nor a whole number", name)
        if value:
            yield Identity(name, value)
