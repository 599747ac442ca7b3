"""The mapping rules that an mParticle user sets in mParticle's own connection and audience settings."""

from __future__ import annotations

import dataclasses
import html
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, TypeVar

from mappings import identifiers
from mappings.fields import PROPERTY_TARGETS, RESERVED, without_dollar
from mappings.phone import alpha2
from mappings.rules import Rules

_ALTERNATE_NAMES = "None, Customer Id, Other, Other2 ... Other10"
_PHONE_NAMES = "Mobile Number, Phone Number 2, Phone Number 3"
_MAPTYPE = "UserAttributeClass.Name"
Channel = Literal["email", "sms"]
Target = TypeVar("Target", bound=str)
CHANNELS: Final[tuple[Channel, ...]] = ("email", "sms")
_CONSENT_MAPTYPE: Final = "ConsentPurposes"


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
    name = identifiers.firehose_type(text)
    if name not in identifiers.ALTERNATE:
        raise ValueError(f"alternateIdentifier: not an identity that can be used as one; use {_ALTERNATE_NAMES}")
    return name


def _phone_identifier(text: str) -> str:
    name = identifiers.firehose_type(text)
    if name not in identifiers.PHONES:
        raise ValueError(f"phoneIdentifier: not an identity that holds a phone; use {_PHONE_NAMES}")
    return name


def _default_country(text: str) -> str:
    code = alpha2(text)
    if code is None:
        raise ValueError(
            "defaultCountry: no such country; use an ISO 3166-1 code such as US or USA, or the English name"
        )
    return code


def _properties(text: str) -> dict[str, str]:
    try:
        return parse_properties(text)
    except ValueError as error:
        raise ValueError(f"propertyMapping: {error}") from error


def entries(setting: str, text: str | None, maptype: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield each entry's place (for messages), its name and its target, both unchecked.

    Takes `{"name": "target"}` or mParticle's own `[{"map": "name", "maptype": ..., "value": "target"}]`, plain or
    HTML-escaped; blank text has no entries. `setting`: its name in messages. Raises ValueError naming a wrong entry by
    its number, from 1. The message does not repeat its content, because a secret pasted into the wrong box must not end
    up in a log.
    """
    match _decoded(setting, text):
        case None:
            return
        case dict() as decoded:
            for number, (name, target) in enumerate(decoded.items(), start=1):
                yield f"{setting}, entry {number}", name, target
        case list() as decoded:
            for number, entry in enumerate(decoded, start=1):
                yield _pair(f"{setting}, entry {number}", entry, maptype)
        case _:
            raise ValueError(f"{setting}: it must be a JSON object or mParticle's list of mappings")


def _decoded(setting: str, text: str | None) -> Any:
    if text is None or not text.strip():
        return None
    try:
        try:
            return json.loads(text)
        except ValueError:
            return json.loads(html.unescape(text))
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{setting}: it is not JSON ({error}); write {{"name": "target"}}') from error


def _pair(place: str, entry: Any, maptype: str) -> tuple[str, Any, Any]:
    match entry:
        case {"map": name, "value": target}:
            if (entry.get("maptype") or maptype) != maptype:
                raise ValueError(f"{place}: the maptype is not {maptype}, the only one that can be mapped here")
            return place, name, target
    raise ValueError(f'{place}: it must be an object with "map" and "value"')


def parse_properties(text: str | None) -> dict[str, str]:
    """Return attribute name (one leading `$` removed, lower case) -> one of PROPERTY_TARGETS.

    `text`: as `entries` reads it, targets with or without `$`. Raises ValueError naming a wrong entry by its number,
    without its content.
    """
    found = entries("property mapping", text, _MAPTYPE)
    return _once(
        "attribute", ((place, _attribute(place, name), _target(place, target)) for place, name, target in found)
    )


def _once(what: str, pairs: Iterable[tuple[str, str, Target]]) -> dict[str, Target]:
    """Return each name's target. Raises ValueError for a name with two targets. `what`: the thing that it names."""
    result: dict[str, Target] = {}
    for place, name, target in pairs:
        if result.setdefault(name, target) != target:
            raise ValueError(f"{place}: the {what} is already mapped to {result[name]!r}; keep one of the two")
    return result


def _attribute(place: str, attribute: Any) -> str:
    if not isinstance(attribute, str) or not without_dollar(attribute):
        raise ValueError(f"{place}: it names no attribute")
    if attribute.lower() in RESERVED:
        raise ValueError(
            f"{place}: the attribute is reserved and always becomes {RESERVED[attribute.lower()]!r}; remove the entry"
        )
    return without_dollar(attribute).lower()


def _target(place: str, target: Any) -> str:
    name = without_dollar(target).strip().lower() if isinstance(target, str) else None
    if name not in PROPERTY_TARGETS:
        raise ValueError(f"{place}: the target is not one of {', '.join(PROPERTY_TARGETS)}")
    return name


def parse_consents(text: str | None) -> dict[str, Channel]:
    """Return purpose (lower case, as mParticle's SDKs write it) -> channel.

    `text`: as `entries` reads it; several purposes may belong to one channel. Raises ValueError naming a wrong entry by
    its number, without its content.
    """
    found = entries("consent mapping", text, _CONSENT_MAPTYPE)
    return _once("purpose", ((place, _purpose(place, name), _channel(place, target)) for place, name, target in found))


def _purpose(place: str, purpose: Any) -> str:
    if not isinstance(purpose, str) or not purpose.strip():
        raise ValueError(f"{place}: it names no purpose")
    return purpose.strip().lower()


def _channel(place: str, target: Any) -> Channel:
    for channel in CHANNELS:
        if isinstance(target, str) and target.strip().lower() == channel:
            return channel
    raise ValueError(f"{place}: the channel is not one of {', '.join(CHANNELS)}")
