"""Reads the mappings that users set in mParticle.

A property mapping says which attributes fill which Klaviyo fields (mParticle: Klaviyo audience page). A consent mapping
says which consent purposes belong to which Klaviyo channel (mParticle: data privacy).
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from typing import Any, Final, Literal

from mappings.fields import PROPERTY_TARGETS, RESERVED, without_dollar


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


_MAPTYPE = "UserAttributeClass.Name"


def parse_properties(text: str | None) -> dict[str, str]:
    """Return attribute name (one leading `$` removed, lower case) -> one of PROPERTY_TARGETS.

    `text`: as `entries` reads it, targets with or without `$`. Raises ValueError naming a wrong entry by its number,
    without its content.
    """
    result: dict[str, str] = {}
    for place, attribute, target in entries("property mapping", text, _MAPTYPE):
        name, target = _attribute(place, attribute), _target(place, target)
        if result.setdefault(name, target) != target:
            raise ValueError(f"{place}: the attribute is already mapped to {result[name]!r}; keep one of the two")
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


Channel = Literal["email", "sms"]
CHANNELS: Final[tuple[Channel, ...]] = ("email", "sms")
_CONSENT_MAPTYPE: Final = "ConsentPurposes"


def parse_consents(text: str | None) -> dict[str, Channel]:
    """Return purpose (lower case, as mParticle's SDKs write it) -> channel.

    `text`: as `entries` reads it; several purposes may belong to one channel. Raises ValueError naming a wrong entry by
    its number, without its content.
    """
    result: dict[str, Channel] = {}
    for place, purpose, target in entries("consent mapping", text, _CONSENT_MAPTYPE):
        name, channel = _purpose(place, purpose), _channel(place, target)
        if result.setdefault(name, channel) != channel:
            raise ValueError(f"{place}: the purpose is already mapped to {result[name]!r}; keep one of the two")
    return result


def _purpose(place: str, purpose: Any) -> str:
    if not isinstance(purpose, str) or not purpose.strip():
        raise ValueError(f"{place}: it names no purpose")
    return purpose.strip().lower()


def _channel(place: str, target: Any) -> Channel:
    for channel in CHANNELS:
        if isinstance(target, str) and target.strip().lower() == channel:
            return channel
    raise ValueError(f"{place}: the channel is not one of {', '.join(CHANNELS)}")
