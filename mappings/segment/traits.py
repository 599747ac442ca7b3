"""Finds the traits that no field of an action takes. With `traits_as_properties` they become custom properties.

A field may look for its value in many places. It takes a trait if it looks there and has that very value, even if it
found the value elsewhere first: a sender that repeats an e-mail under another name does not want it as a property. A
null or blank trait where a field looks is taken, too. Every other trait is left over, and so are the parts of an
address or a company that no field takes. So no value is lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mappings.segment.paths import MISSING, Path, Value, is_there, parse_path, paths

_OWN: Final = parse_path("$.traits")
_OF_CONTEXT: Final = parse_path("$.context.traits")

Steps = tuple[str | int, ...]


class TraitReader(NamedTuple):
    """A field that looks for its value at these steps below a trait; None: the place is taken in any case."""

    steps: Steps
    field: Path | None


#: The readers of each trait, by the path of the trait.
Readers = Mapping[Steps, Sequence[TraitReader]]


def readers(fields: Mapping[str, Value], never: Iterable[Steps] = ()) -> Readers:
    """Return the readers of the traits. `never`: places below the traits that never become properties."""
    found: defaultdict[Steps, list[TraitReader]] = defaultdict(list)
    for field, path in _places((), dict(fields)):
        for base in (_OWN, _OF_CONTEXT):
            depth = len(base.steps)
            if path.steps[:depth] == base.steps and len(path.steps) > depth:
                found[path.steps[: depth + 1]].append(TraitReader(path.steps[depth + 1 :], Path(field)))
    for steps in never:
        for base in (_OWN, _OF_CONTEXT):
            found[(*base.steps, steps[0])].append(TraitReader(steps[1:], None))
    return found


def _places(field: Steps, value: Value) -> Iterator[tuple[Steps, Path]]:
    """Yield each field with every place where it looks for its value."""
    if isinstance(value, dict):
        for name, entry in value.items():
            yield from _places((*field, name), entry)
    else:
        for path in paths(value):
            yield field, path


def of_message(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return all traits; the message's own win over those of its context."""
    return _table(_OF_CONTEXT, message) | _table(_OWN, message)


def left_over(message: Mapping[str, Any], reading: Readers, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the traits, or the parts of them, that no field takes. `fields`: the values of the fields.

    The message's own traits win over those of its context.
    """
    own = _table(_OWN, message)
    inherited = {name: value for name, value in _table(_OF_CONTEXT, message).items() if name not in own}
    found = {}
    for base, table in ((_OF_CONTEXT, inherited), (_OWN, own)):
        for name, value in table.items():
            left = _left(value, reading.get((*base.steps, name), ()), fields)
            if left is not MISSING:
                found[name] = left
    return found


def _table(place: Path, message: Mapping[str, Any]) -> dict[str, Any]:
    found = place.find(message)
    return found if isinstance(found, dict) else {}


def _left(value: Any, reading: Sequence[TraitReader], fields: Mapping[str, Any]) -> Any:
    """Return what is left of the value at a place; MISSING if nothing is."""
    here = [reader.field for reader in reading if not reader.steps]
    if here and (not is_there(value) or any(_takes(field, value, fields) for field in here)):
        return MISSING
    below: defaultdict[str | int, list[TraitReader]] = defaultdict(list)
    for reader in reading:
        if reader.steps:
            below[reader.steps[0]].append(TraitReader(reader.steps[1:], reader.field))
    if not below or not isinstance(value, dict | list):
        return value
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    kept = {key: left for key, part in parts if (left := _left(part, below.get(key, ()), fields)) is not MISSING}
    if not kept:
        return MISSING
    return kept if isinstance(value, dict) else list(kept.values())


def _takes(field: Path | None, value: Any, fields: Mapping[str, Any]) -> bool:
    """Return whether the field has this value: the same object, or an equal text, number or boolean."""
    if field is None:
        return True
    found = field.find(fields)
    return found is value or (type(found) is type(value) and not isinstance(value, dict | list) and found == value)
