"""Reads a property mapping: which attributes fill which Klaviyo fields (mParticle: Klaviyo audience page)."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from typing import Any

from mappings.fields import PROPERTY_TARGETS, RESERVED, without_dollar

_MAPTYPE = "UserAttributeClass.Name"


def parse(text: str | None) -> dict[str, str]:
    """Attribute name (one leading `$` removed, lower case) -> one of PROPERTY_TARGETS.

    Takes `{"attribute": "target"}` or mParticle's own `[{"map": "attribute", "maptype": ..., "value": "target"}]`,
    plain or HTML-escaped, targets with or without `$`; nothing is the empty mapping. Raises ValueError naming the
    entry that is wrong.
    """
    result: dict[str, str] = {}
    for place, attribute, target in _pairs(_decoded(text)):
        name, target = _attribute(place, attribute), _target(place, target)
        if result.setdefault(name, target) != target:
            raise ValueError(
                f"property mapping, {place}: the attribute {attribute!r} is already mapped to "
                f"{result[name]!r}; keep one of the two"
            )
    return result


def _decoded(text: str | None) -> Any:
    if text is None or not text.strip():
        return None
    try:
        try:
            return json.loads(text)
        except ValueError:
            return json.loads(html.unescape(text))
    except (ValueError, RecursionError) as error:
        raise ValueError(f'property mapping: it is not JSON ({error}); write {{"attribute": "target"}}') from error


def _pairs(decoded: Any) -> Iterator[tuple[str, Any, Any]]:
    """The place of each entry for messages, the attribute and its target."""
    match decoded:
        case None:
            return
        case dict():
            for attribute, target in decoded.items():
                yield f"entry {attribute!r}", attribute, target
        case list():
            for number, entry in enumerate(decoded, start=1):
                yield _pair(f"entry {number}", entry)
        case _:
            raise ValueError("property mapping: it must be a JSON object or mParticle's list of mappings")


def _pair(place: str, entry: Any) -> tuple[str, Any, Any]:
    match entry:
        case {"map": attribute, "value": target}:
            maptype = entry.get("maptype") or _MAPTYPE
        case _:
            raise ValueError(f'property mapping, {place}: it must be an object with "map" and "value"')
    if maptype != _MAPTYPE:
        raise ValueError(
            f"property mapping, {place}: maptype {maptype!r} is no user attribute; only {_MAPTYPE} can be mapped"
        )
    return place, attribute, target


def _attribute(place: str, attribute: Any) -> str:
    if not isinstance(attribute, str) or not without_dollar(attribute):
        raise ValueError(f"property mapping, {place}: it names no attribute")
    if attribute.lower() in RESERVED:
        raise ValueError(
            f"property mapping, {place}: {attribute!r} is reserved and always becomes "
            f"{RESERVED[attribute.lower()]!r}; remove the entry"
        )
    return without_dollar(attribute).lower()


def _target(place: str, target: Any) -> str:
    name = without_dollar(target).strip().lower() if isinstance(target, str) else None
    if name not in PROPERTY_TARGETS:
        raise ValueError(
            f"property mapping, {place}: the target {target!r} is not one of {', '.join(PROPERTY_TARGETS)}"
        )
    return name
