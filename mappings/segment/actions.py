"""The actions of Segment's Klaviyo destination, as they are set up for one connection."""

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
    """One action as it is set up: `kind` of queue, when it acts, and what it takes from a message.

    `list_id`: where the Klaviyo list's id is; None: the action has no list, or knows it from the Engage audience.
    `traits_as_properties`: every trait that no field takes becomes a custom property. `taken`: the names of the traits
    that the fields take, which are therefore no custom ones.
    """

    name: Name
    kind: Kind
    trigger: Trigger
    fields: dict[str, Value]
    list_id: Value = None
    traits_as_properties: bool = False
    taken: frozenset[str] = frozenset()
