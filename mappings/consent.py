"""A consent given or withdrawn, as Klaviyo's subscriptions take it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mappings import contact, person, times
from mappings.errors import Rejected, Unfit
from mappings.identifiers import EMAIL, PHONE
from mappings.rules import Rules
from mappings.values import clean_text

_CHANNELS = (EMAIL, PHONE)


@dataclass(frozen=True, slots=True)
class Consent:
    """Who consents, or does so no longer, by which channels: `email` for e-mail, `phone` (E.164) for SMS, or both.

    `list_id`: the list it is about. `custom_source`: what Klaviyo records as its source. `consented_at`: ISO time of
    a consent given earlier, None for one that is not historical. `warnings`: the reason of a channel left out.
    """

    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    list_id: str | None
    custom_source: str | None
    consented_at: str | None
    warnings: tuple[str, ...] = ()


def to_consent(fragment: bytes, rules: Rules) -> Consent:
    """The consent in `{"email", "phone_number", "country_code", "list_id", "custom_source", "historical_import",
    "consented_at"}`.

    Each channel is a consent of its own, so one whose address is wrong does not cost the other. Raises Rejected when
    neither holds, when a historical consent does not say since when, and when the fragment is unreadable.
    """
    fields = person.decode(fragment)
    found, wrong = contact.read(fields, _CHANNELS, rules)
    if not found:
        raise contact.nobody(_CHANNELS, wrong)
    return Consent(
        email=found.get(EMAIL),
        phone=found.get(PHONE),
        list_id=_optional(fields, "list_id"),
        custom_source=_optional(fields, "custom_source"),
        consented_at=_consented_at(fields),
        warnings=tuple(wrong.values()),
    )


def _optional(fields: dict[str, Any], name: str) -> str | None:
    value = contact.text(fields.get(name))
    if value is None:
        raise person.unreadable(f"has a value for {name} that is neither text nor a whole number", name)
    try:
        return clean_text(value) or None
    except Unfit as unfit:
        raise Rejected(unfit.reason, name, f"the {name} is longer than any text Klaviyo takes; shorten it") from unfit


def _consented_at(fields: dict[str, Any]) -> str | None:
    historical = fields.get("historical_import", False)
    if not isinstance(historical, bool):
        raise person.unreadable("has a historical_import that is neither true nor false", "historical_import")
    if not historical:
        return None
    try:
        return times.to_iso(fields.get("consented_at"))
    except Unfit as unfit:
        raise Rejected(
            unfit.reason,
            "consented_at",
            "a historical consent says when it was given: send consented_at in ISO 8601, or as seconds since 1970",
        ) from unfit
