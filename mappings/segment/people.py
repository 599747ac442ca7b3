"""Makes the fragment of a person from a message, as the fields of an action describe them."""

from __future__ import annotations

from typing import Any, Final

from mappings.segment import traits
from mappings.segment.actions import Action
from mappings.values import flatten

#: Fields that take a text or a number, and so does each member of `location`.
_PLAIN: Final = frozenset({"first_name", "last_name", "organization", "title", "image"})
_LOCATION, _PROPERTIES = "location", "properties"
#: What happens to the custom properties that these fields name.
_PATCHES: Final = ("append", "unappend", "unset")


def described(message: dict[str, Any], action: Action) -> dict[str, Any]:
    """Return the person, without empty values.

    A null member of the location or of a table of properties stays, because it clears the field or property. The form
    is that of `person.read`.
    """
    fields: dict[str, Any] = action.find(message)
    named: dict[str, list[str]] = {}
    for patch in _PATCHES:
        if patch in fields:
            named[patch] = _names(fields.pop(patch))
    if action.traits_as_properties or action.flatten_properties:
        fields = _with_properties(fields, message, action, {name for names in named.values() for name in names})
    if named:
        fields |= _patches(message, named)
    if all(fields.values()):
        return fields
    return {name: value for name, value in fields.items() if value is not None and value != {}}


def _with_properties(
    fields: dict[str, Any], message: dict[str, Any], action: Action, patched: set[str]
) -> dict[str, Any]:
    """Return the fields with the custom properties that the switches ask for. `patched`: names to leave out."""
    mapped = fields.pop(_PROPERTIES, None)
    mapped = {} if mapped is None else mapped
    if action.traits_as_properties and isinstance(mapped, dict):
        fields = _without_containers(fields)
        left = traits.left_over(message, action.reading, fields | {_PROPERTIES: mapped})
        mapped = {name: value for name, value in left.items() if name not in patched} | mapped
    if action.flatten_properties and isinstance(mapped, dict):
        mapped = flatten(mapped)
    return fields | {_PROPERTIES: mapped}


def _without_containers(fields: dict[str, Any]) -> dict[str, Any]:
    """Leave out the objects and lists that fields for one text have found: the traits keep them, as properties."""
    kept = {name: value for name, value in fields.items() if not (name in _PLAIN and _is_container(value))}
    location = fields.get(_LOCATION)
    if isinstance(location, dict) and any(map(_is_container, location.values())):
        kept[_LOCATION] = {name: value for name, value in location.items() if not _is_container(value)}
    return kept


def _is_container(value: Any) -> bool:
    return isinstance(value, dict | list)


def _patches(message: dict[str, Any], named: dict[str, list[str]]) -> dict[str, Any]:
    """Return the names of what to remove, and the values of the traits that the other lists name.

    Source: RudderStack, Klaviyo destination, fieldsToAppend, fieldsToUnappend and fieldsToUnset.
    """
    if not any(named.values()):
        return {}
    known = traits.of_message(message)
    found: dict[str, Any] = {"unset": unset} if (unset := named.get("unset")) else {}
    for patch in ("append", "unappend"):
        found[patch] = {name: known[name] for name in named.get(patch, []) if known.get(name) is not None}
    return found


def _names(value: Any) -> list[str]:
    names = value if isinstance(value, list) else [value]
    return [name for name in names if isinstance(name, str)]
