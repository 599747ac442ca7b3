"""Engage audiences: what a message says of the audience that somebody entered or left (Segment: Engage).

Which destinations a message of Segment's is meant for (Segment: spec, common fields, integrations).
"""

from __future__ import annotations

from typing import Any, Final

from mappings import contact
from mappings.segment.paths import parse_path

_CLASS: Final = parse_path("$.context.personas.computation_class")
_KEY: Final = parse_path("$.context.personas.computation_key")
_ID: Final = parse_path("$.context.personas.computation_id")
_LISTS: Final = (
    parse_path("$.context.personas.audience_settings.listId"),
    parse_path("$.context.personas.external_audience_id"),
)
_TRAITS: Final = parse_path("$.traits")
_EVENTS: Final = {True: "Audience Entered", False: "Audience Exited"}


def as_event(message: dict[str, Any]) -> dict[str, Any]:
    """The message as the list actions are to see it.

    Engage tells a membership by a track event or, when it is set up so, by an identify with a boolean trait named like
    the audience. The second is seen as the first, so that one trigger is for both.
    """
    if message.get("type") != "identify" or _CLASS.find(message) != "audience":
        return message
    traits, key = _TRAITS.find(message), _KEY.find(message)
    member = traits.get(key) if isinstance(traits, dict) and isinstance(key, str) else None
    return message | {"type": "track", "event": _EVENTS[member]} if isinstance(member, bool) else message


def list_id(message: dict[str, Any]) -> str | None:
    """The Klaviyo list that Engage names: the one set for the audience, else the one made for it."""
    found = (contact.text(path.find(message)) for path in _LISTS)
    return next((text for text in found if text), None)


def audience(message: dict[str, Any]) -> tuple[str, str] | None:
    """The audience's id and its name, which is Segment's key for it; None for a message that names none."""
    name = contact.text(_KEY.find(message))
    return (contact.text(_ID.find(message)) or name, name) if name else None


#: What senders call Klaviyo: RudderStack and Segment's first destination, and the one whose actions Ferry has.
_NAMES: Final = ("Klaviyo", "Klaviyo (Actions)")


def is_for_klaviyo(message: dict[str, Any]) -> bool:
    """Whether `integrations` lets the message through: a destination that is named is asked for unless it is false.

    `All` speaks for those that are not named. Only `false` keeps a message away.
    """
    flags = message.get("integrations")
    if not isinstance(flags, dict):
        return True
    named = [flags[name] for name in _NAMES if name in flags] or [flags.get("All")]
    return any(flag is not False for flag in named)
