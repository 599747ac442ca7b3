"""The actions of Segment's Klaviyo destination, as set up for one connection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from mappings.segment.lookups import Lookup
from mappings.segment.paths import Value
from mappings.segment.traits import Readers
from mappings.segment.triggers import Trigger

Name = Literal[
    "upsert_profile",
    "add_profile_to_list",
    "remove_profile_from_list",
    "remove_profile",
    "subscribe_profile",
    "unsubscribe_profile",
    "track_event",
    "order_completed",
]
Kind = Literal["profile", "audience", "consent", "event", "erasure"]
#: Returns a message in the form in which the trigger and the fields of an action read it.
View = Callable[[dict[str, Any]], dict[str, Any]]


def unchanged(message: dict[str, Any]) -> dict[str, Any]:
    """Return the message itself."""
    return message


@dataclass(frozen=True, slots=True)
class Action:
    """One action as set up: its `kind` of queue, its trigger, and the fields that it takes from a message.

    `list_id`: where to find the id of the Klaviyo list; None: the action has no list, or takes it from the Engage
    audience. `find`, `find_list`: return the values of the fields and of `list_id` for a message.
    `traits_as_properties`: every trait that no field takes becomes a custom property. `reading`: the fields that look
    at each place. `flatten_properties`: nested properties get dotted names. `view`: how the action reads a message.
    """

    name: Name
    kind: Kind
    trigger: Trigger
    fields: dict[str, Value]
    find: Lookup = field(compare=False, repr=False)
    find_list: Lookup = field(compare=False, repr=False)
    list_id: Value = None
    traits_as_properties: bool = False
    reading: Readers = field(default_factory=Readers)
    flatten_properties: bool = False
    view: View = unchanged
