"""A CDP's person becomes a Klaviyo profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mappings import attributes, identifiers, phone, schema
from mappings.person import Person
from mappings.phone import Phones
from mappings.rules import Rules


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile for Klaviyo's bulk import.

    `attributes`: what goes to `data.attributes`; no empty containers, no nulls at the first two levels.
    `unset`: custom properties to remove through `meta.patch_properties.unset`.
    `clear`: standard fields that the CDP deleted (`location.region`); a bulk import cannot clear them.
    `warnings`: reason codes of what was left out or decided between rivals, each once.
    """

    attributes: dict[str, Any]
    unset: tuple[str, ...] = ()
    clear: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def to_profile(person: Person, rules: Rules) -> Profile:
    """The person as a Klaviyo profile by these rules; raises Rejected when nothing sendable identifies the person."""
    found = identifiers.candidates(person.identities, rules)
    draft = attributes.draft(person, rules)
    loaded, errors = schema.load(_flat(found, draft, rules))
    errors |= found.errors()
    identifiers.check(loaded, errors)
    if draft.properties:
        loaded["properties"] = draft.properties
    return Profile(
        attributes=loaded,
        unset=tuple(draft.unset),
        clear=tuple(draft.clear),
        warnings=tuple(dict.fromkeys([*errors.values(), *draft.warnings])),
    )


def _flat(found: identifiers.Candidates, draft: attributes.Draft, rules: Rules) -> dict[str, Any]:
    """Everything that the schema reads, by its field names."""
    values = draft.standard | found.raw
    numbers = found.raw.get(identifiers.PHONE)
    if numbers:
        region = phone.region_of(draft.standard.get("country"), rules.default_country)
        values[identifiers.PHONE] = Phones(tuple(numbers), region)
    return values
