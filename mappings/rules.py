"""The mapping settings of one connection or audience."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that turn a CDP's person into a Klaviyo profile.

    `alternate_identifier`: None, or the identity type whose value becomes `external_id` (`customer`, `other`, ...).
    `phone_identifier`: the identity type that holds the phone number.
    `default_country`: ISO alpha-2, for numbers without a country code if the person has no country; None: unknown.
    `properties`: attribute name (one leading `$` removed, lower case) -> Klaviyo field of `fields.PROPERTY_TARGETS`.
    `coerce`: turn numeric, boolean and ISO-date strings of custom properties into their types.
    """

    alternate_identifier: str | None = None
    phone_identifier: str = "mobile_number"
    default_country: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    coerce: bool = False
