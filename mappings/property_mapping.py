"""Reads a property mapping: which attributes fill which Klaviyo fields (mParticle: Klaviyo audience page)."""

from __future__ import annotations

from typing import Any

from mappings.entries import entries
from mappings.fields import PROPERTY_TARGETS, RESERVED, without_dollar

_MAPTYPE = "UserAttributeClass.Name"


def parse(text: str | None) -> dict[str, str]:
    """Attribute name (one leading `$` removed, lower case) -> one of PROPERTY_TARGETS.

    `text`: as `mappings.entries` reads it, targets with or without `$`. Raises ValueError naming the entry that is
    wrong by its number, and never its words.
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
