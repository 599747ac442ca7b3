"""The presets of a connection: the templates of its actions, and which of them act without further settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, get_args

from mappings.segment import rudderstack
from mappings.segment.actions import Name
from mappings.segment.engage import as_step
from mappings.segment.templates import TEMPLATES, Template, first

DEFAULT: Final = "segment"


@dataclass(frozen=True, slots=True)
class Preset:
    """`active`: the actions of a connection that sets up none."""

    templates: Mapping[Name, Template]
    active: tuple[Name, ...]


#: Journeys and Linked Audiences put the traits that they add among the properties.
_ENRICHED: Final = {
    name: first(f"$.context.traits.{trait}", f"$.traits.{trait}", f"$.properties.{trait}")
    for name, trait in (("email", "email"), ("phone_number", "phone"))
}


def _lists(add: Template, remove: Template) -> Mapping[Name, Template]:
    """Return Segment's templates with these for the lists."""
    changed: dict[Name, Template] = {
        "add_profile_to_list": replace(add, fields=add.fields | _ENRICHED),
        "remove_profile_from_list": replace(remove, fields=remove.fields | _ENRICHED),
    }
    return TEMPLATES | changed


_ADD, _REMOVE = TEMPLATES["add_profile_to_list"], TEMPLATES["remove_profile_from_list"]
#: Segment: Journeys; every event of a step puts people on the step's list.
_JOURNEYS: Final = _lists(replace(_ADD, view=as_step), replace(_REMOVE, view=as_step))
#: Segment: Linked Audiences. An entity that leaves takes nobody off: the person may be in the audience by another one.
_WAREHOUSE: Final = _lists(
    replace(_ADD, trigger='type = "track" and (event = "Audience Entered" or event = "Entity Added")'), _REMOVE
)
#: All actions that need no list.
_ALL: Final = tuple(name for name in get_args(Name) if TEMPLATES[name].list_id != "must")

PRESETS: Final[Mapping[str, Preset]] = {
    DEFAULT: Preset(TEMPLATES, _ALL),
    "segment_journeys": Preset(_JOURNEYS, _ALL),
    "segment_warehouse": Preset(_WAREHOUSE, _ALL),
    "rudderstack": Preset(rudderstack.TEMPLATES, rudderstack.ACTIVE),
}
