"""Merges incoming values into stored ones: nulls, key-by-key merging, and `patch_properties`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge(stored: dict[str, Any], incoming: Mapping[str, Any], *, clear_nulls: bool) -> None:
    """Write key by key; nested values are replaced as a whole.

    Bulk import ignores a null; the single-profile calls clear the value (Klaviyo: bulk profile import guide).
    """
    for key, value in incoming.items():
        if value is not None:
            stored[key] = value
        elif clear_nulls:
            stored.pop(key, None)


def merge_part(stored: dict[str, Any], incoming: Mapping[str, Any] | None, clear_nulls: bool) -> None:
    """Merge location or properties; if nulls clear, a null for the whole clears all of it."""
    if incoming is None:
        if clear_nulls:
            stored.clear()
        return
    merge(stored, incoming, clear_nulls=clear_nulls)


def patch(properties: dict[str, Any], orders: Mapping[str, Any]) -> None:
    """Carry out `append`, `unappend` and `unset`, in this order.

    A repeated append adds the value again: Klaviyo does not document otherwise, so a client must not rely on it.
    """
    for key, value in (orders.get("append") or {}).items():
        properties[key] = _listed(properties.get(key)) + _listed(value)
    for key, value in (orders.get("unappend") or {}).items():
        removed = _listed(value)
        if key in properties:
            properties[key] = [item for item in _listed(properties[key]) if item not in removed]
    unset = orders.get("unset") or []
    for key in [unset] if isinstance(unset, str) else unset:
        properties.pop(key, None)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
