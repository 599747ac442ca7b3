"""Reads the Engage audience and the destinations from a Segment message.

Sources: Segment, Engage; Segment, spec, common fields, integrations.
"""

from __future__ import annotations

from typing import Any, Final

from mappings import contact
from mappings.segment.lookups import finder
from mappings.segment.paths import parse_path

_CLASS: Final = finder(parse_path("$.context.personas.computation_class"))
_KEY: Final = finder(parse_path("$.context.personas.computation_key"))
_ID: Final = finder(parse_path("$.context.personas.computation_id"))
_LISTS: Final = (
    finder(parse_path("$.context.personas.audience_settings.listId")),
    finder(parse_path("$.context.personas.external_audience_id")),
)
_TRAITS: Final = finder(parse_path("$.traits"))
_PROPERTIES: Final = finder(parse_path("$.properties"))
_TEXTS: Final = {"true": True, "false": False}
_EVENTS: Final = {True: "Audience Entered", False: "Audience Exited"}


def as_event(message: dict[str, Any]) -> dict[str, Any]:
    """Return the message in the form for the list actions.

    Engage reports a membership by a track event or, if set up so, by an identify with a boolean trait named after the
    audience. The second form is converted to the first, so that one trigger matches both.
    """
    if message.get("type") != "identify" or _CLASS(message) != "audience":
        return message
    member = _member(_TRAITS(message), message)
    return message if member is None else message | {"type": "track", "event": _EVENTS[member]}


def as_step(message: dict[str, Any]) -> dict[str, Any]:
    """Return the message in the form for the list actions, with every event of a Journey's step as an entry or exit.

    The events have any name. Journeys of the first version only report entries; the second version adds a boolean
    property named after the step, false for an exit (Segment: Journeys, send data to a destination). Where the property
    and the event's name disagree, it is an exit: nobody who may have left is put on a list.
    """
    if message.get("type") != "track" or _CLASS(message) != "journey_step":
        return as_event(message)
    left = _boolean(_named(_PROPERTIES(message), message)) is False or message.get("event") == _EVENTS[False]
    return message | {"event": _EVENTS[not left]}


def _member(entries: Any, message: dict[str, Any]) -> bool | None:
    """Return the boolean that is named after the audience; None without one."""
    member = _named(entries, message)
    return member if isinstance(member, bool) else None


def _named(entries: Any, message: dict[str, Any]) -> Any:
    """Return the value that is named after the audience or step; None without one."""
    key = _KEY(message)
    return entries.get(key) if isinstance(entries, dict) and isinstance(key, str) else None


def _boolean(value: Any) -> bool | None:
    if isinstance(value, str):
        return _TEXTS.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def list_id(message: dict[str, Any]) -> str | None:
    """Return the Klaviyo list that Engage names: the one set for the audience, else the one created for it."""
    found = (contact.text(find(message)) for find in _LISTS)
    return next((text for text in found if text), None)


def audience(message: dict[str, Any]) -> tuple[str, str] | None:
    """Return the audience's id and its name (Segment's key for it); None for a message without an audience."""
    name = contact.text(_KEY(message))
    return (contact.text(_ID(message)) or name, name) if name else None


#: Klaviyo's names: in Segment's first destination, in the destination whose actions Ferry has, and in RudderStack.
NAMES: Final = ("Klaviyo", "Klaviyo (Actions)", "KLAVIYO", "klaviyo")


def is_for_klaviyo(message: dict[str, Any]) -> bool:
    """Return whether `integrations` lets the message through: only `false`, also as text, excludes a destination.

    `All` applies if Klaviyo is not named; `false` instead of the object means all.
    """
    flags = message.get("integrations")
    if not isinstance(flags, dict):
        return _boolean(flags) is not False
    named = [flags[name] for name in NAMES if name in flags] or [flags.get("All")]
    return any(_boolean(flag) is not False for flag in named)
