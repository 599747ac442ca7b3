"""Who did what an event tells: the profile that goes with it."""

from __future__ import annotations

from typing import Any, Final

from mappings import attributes, contact, fragments, schema
from mappings.contact import ANONYMOUS_ID
from mappings.identifiers import EMAIL, EXTERNAL_ID, PHONE
from mappings.person import Attribute, Person
from mappings.rules import Rules

#: The one that says most of who it is comes first.
IDENTIFIERS: Final = (EMAIL, EXTERNAL_ID, PHONE, ANONYMOUS_ID)
_NO_ATTRIBUTES: Final = frozenset((*IDENTIFIERS, "country_code"))


def read(profile: object, rules: Rules, warnings: list[str]) -> tuple[dict[str, str], dict[str, Any]]:
    """The identifiers and the attributes in `{"email", "external_id", "phone_number", "country_code", "anonymous_id"}`.

    What else there is becomes the standard field of that name, or a custom property. What is left out adds its reason
    to `warnings`. Raises Rejected when nothing identifies the person; a wrong e-mail is not made good by another
    identifier (see `identifiers.check`).
    """
    if not isinstance(profile, dict):
        raise fragments.unreadable("has a profile that is no JSON object", "profile")
    found, wrong = contact.read(profile, IDENTIFIERS, rules)
    if EMAIL in wrong or not found:
        raise contact.nobody(IDENTIFIERS, wrong)
    warnings += wrong.values()
    return found, _attributes(profile, rules, warnings)


def _attributes(profile: dict[str, Any], rules: Rules, warnings: list[str]) -> dict[str, Any]:
    extra = [Attribute(name, v) for name, v in profile.items() if name not in _NO_ATTRIBUTES and v is not None]
    if not extra:
        return {}
    draft = attributes.draft(Person(attributes=tuple(extra), klaviyo_names=True), rules)
    loaded, errors = schema.load(draft.standard)
    warnings += [*errors.values(), *draft.warnings]
    return loaded | ({"properties": draft.properties} if draft.properties else {})
