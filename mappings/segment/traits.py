"""Finds the traits that no field of an action takes. With `traits_as_properties` they become custom properties.

A field may look for its value in many places. It takes a trait if it looks there and has that very value, even if it
found the value elsewhere first: a sender that repeats an e-mail under another name does not want it as a property. A
null or blank trait where a field looks is taken, too. Every other trait is left over, and so are the parts of an
address or a company that no field takes. So no value is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from mappings.segment.paths import MISSING, Path, Value, is_there, parse_path, paths

_OWN: Final = parse_path("$.traits")
_OF_CONTEXT: Final = parse_path("$.context.traits")

Steps = tuple[str | int, ...]
_Key = TypeVar("_Key", str, int)


@dataclass(slots=True)
class Readers:
    """The fields that look for their value at a place of a message, and those that look below it, by the next step.

    `never`: what is there never becomes a property.
    """

    fields: list[Path] = field(default_factory=list)
    below: dict[str | int, Readers] = field(default_factory=dict)
    never: bool = False

    def at(self, steps: Steps) -> Readers:
        """Return the readers of a place below this one."""
        found = self
        for step in steps:
            found = found.below.setdefault(step, Readers())
        return found


def readers(fields: Mapping[str, Value], never: Iterable[Steps] = ()) -> Readers:
    """Return the readers of a whole message. `never`: places below the traits that never become properties."""
    found = Readers()
    for name, path in _places((), dict(fields)):
        found.at(path.steps).fields.append(Path(name))
    for steps in never:
        for base in (_OWN, _OF_CONTEXT):
            found.at((*base.steps, *steps)).never = True
    return found


def _places(name: Steps, value: Value) -> Iterator[tuple[Steps, Path]]:
    """Yield each field with every place where it looks for its value."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from _places((*name, key), entry)
    else:
        for path in paths(value):
            yield name, path


def of_message(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return all traits; the message's own win over those of its context."""
    return _table(_OF_CONTEXT, message) | _table(_OWN, message)


def left_over(message: Mapping[str, Any], reading: Readers, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the traits, or the parts of them, that no field takes. `fields`: the values of the fields.

    The message's own traits win over those of its context.
    """
    own = _table(_OWN, message)
    inherited = {name: value for name, value in _table(_OF_CONTEXT, message).items() if name not in own}
    found: dict[str, Any] = {}
    for base, table in ((_OF_CONTEXT, inherited), (_OWN, own)):
        found |= _parts_left(table.items(), reading.at(base.steps), fields)
    return found


def _table(place: Path, message: Mapping[str, Any]) -> dict[str, Any]:
    found = place.find(message)
    return found if isinstance(found, dict) else {}


def _parts_left(parts: Iterable[tuple[_Key, Any]], reading: Readers, fields: Mapping[str, Any]) -> dict[_Key, Any]:
    """Return what is left of the parts of an object or a list."""
    left = ((key, _left(value, reading.below.get(key), fields)) for key, value in parts)
    return {key: value for key, value in left if value is not MISSING}


def _left(value: Any, reading: Readers | None, fields: Mapping[str, Any]) -> Any:
    """Return what is left of the value at a place; MISSING if nothing is."""
    if reading is None:
        return value
    if reading.never or (reading.fields and not is_there(value)):
        return MISSING
    if any(_takes(name, value, fields) for name in reading.fields):
        return MISSING
    if not reading.below or not isinstance(value, dict | list):
        return value
    if isinstance(value, list):
        return list(_parts_left(enumerate(value), reading, fields).values()) or MISSING
    return _parts_left(value.items(), reading, fields) or MISSING


def _takes(name: Path, value: Any, fields: Mapping[str, Any]) -> bool:
    """Return whether the field has this value: the same object, or an equal text, number or boolean."""
    found = name.find(fields)
    return found is value or (type(found) is type(value) and not isinstance(value, dict | list) and found == value)
