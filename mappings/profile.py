"""Turns a CDP's person into a Klaviyo profile."""

from __future__ import annotations

from typing import Any

import msgspec

from mappings import attributes, fields, identifiers
from mappings.identifiers import PHONE
from mappings.person import Person
from mappings.phone import Phones
from mappings.rules import Rules


class Profile(msgspec.Struct, frozen=True):
    """One profile for Klaviyo's bulk import.

    `attributes`: the content of `data.attributes`; no empty containers, no nulls at the first two levels.
    `unset`: custom properties to remove through `meta.patch_properties.unset`.
    `append`, `unappend`: entries to add to the lists that custom properties are, and to take out of them.
    `clear`: standard fields that the CDP deleted (`location.region`); a bulk import cannot clear them.
    `warnings`: reason codes of values left out or chosen among several, each once.
    """

    attributes: dict[str, Any]
    unset: tuple[str, ...] = ()
    clear: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    append: dict[str, Any] = {}
    unappend: dict[str, Any] = {}


def to_profile(person: Person, rules: Rules) -> Profile:
    """Return the person as a Klaviyo profile by these rules; raises Rejected when there is no valid identifier."""
    found = identifiers.candidates(person.identities, rules)
    draft = attributes.draft(person, rules)
    values: dict[str, Any] = {**found.raw}
    if PHONE in values:
        values[PHONE] = Phones(values[PHONE], draft.country, rules.default_country)
    loaded, errors = fields.load(values)
    errors |= draft.errors
    if found.hashed:
        errors |= found.errors()
    identifiers.check(loaded, errors)
    loaded |= draft.standard
    if draft.properties:
        loaded["properties"] = draft.properties
    return Profile(
        attributes=loaded,
        unset=tuple(draft.unset),
        clear=tuple(draft.clear),
        warnings=tuple(dict.fromkeys([*errors.values(), *draft.warnings])) if errors or draft.warnings else (),
        append=draft.append,
        unappend=draft.unappend,
    )
