"""The actions of Segment's Klaviyo destination, as set up for one connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mappings.segment.paths import Value
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


@dataclass(frozen=True, slots=True)
class Action:
    """One action as set up: its `kind` of queue, its trigger, and the fields that it takes from a message.

    `list_id`: where to find the id of the Klaviyo list; None: the action has no list, or takes it from the Engage
    audience. `traits_as_properties`: every trait that no field takes becomes a custom property. `taken`: the names of
    the traits that the fields take, which therefore do not become custom properties.
    """

    name: Name
    kind: Kind
    trigger: Trigger
    fields: dict[str, Value]
    list_id: Value = None
    traits_as_properties: bool = False
    taken: frozenset[str] = frozenset()
