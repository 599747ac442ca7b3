"""The mapping rules that an mParticle user sets in mParticle's own connection and audience settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from mappings import country, entries, identifiers
from mappings.rules import Rules

_ALTERNATE_NAMES = "None, Customer Id, Other, Other2 ... Other10"
_PHONE_NAMES = "Mobile Number, Phone Number 2, Phone Number 3"


def rules_from_mparticle(
    account_settings: Mapping[str, str], audience_settings: Mapping[str, str], base: Rules
) -> Rules:
    """Return `base` with the values that the settings give; a missing or empty setting changes nothing.

    Account settings: `alternateIdentifier`, `phoneIdentifier`, `defaultCountry`; audience setting: `propertyMapping`.
    Raises ValueError naming the setting, the problem and the valid values. The message does not repeat a wrong value,
    because a secret pasted into the wrong box must not end up in a log.
    """
    changes: dict[str, Any] = {}
    if text := _setting(account_settings, "alternateIdentifier"):
        changes["alternate_identifier"] = _alternate_identifier(text)
    if text := _setting(account_settings, "phoneIdentifier"):
        changes["phone_identifier"] = _phone_identifier(text)
    if text := _setting(account_settings, "defaultCountry"):
        changes["default_country"] = _default_country(text)
    if text := _setting(audience_settings, "propertyMapping"):
        changes["properties"] = _properties(text)
    return dataclasses.replace(base, **changes)


def _setting(settings: Mapping[str, str], name: str) -> str:
    return (settings.get(name) or "").strip()


def _alternate_identifier(text: str) -> str | None:
    if text.lower() == "none":
        return None
    name = identifiers.canonical(text)
    if name not in identifiers.ALTERNATE:
        raise ValueError(f"alternateIdentifier: not an identity that can be used as one; use {_ALTERNATE_NAMES}")
    return name


def _phone_identifier(text: str) -> str:
    name = identifiers.canonical(text)
    if name not in identifiers.PHONES:
        raise ValueError(f"phoneIdentifier: not an identity that holds a phone; use {_PHONE_NAMES}")
    return name


def _default_country(text: str) -> str:
    code = country.alpha2(text)
    if code is None:
        raise ValueError(
            "defaultCountry: no such country; use an ISO 3166-1 code such as US or USA, or the English name"
        )
    return code


def _properties(text: str) -> dict[str, str]:
    try:
        return entries.parse_properties(text)
    except ValueError as error:
        raise ValueError(f"propertyMapping: {error}") from error
