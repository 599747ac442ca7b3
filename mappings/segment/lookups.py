"""Makes functions of a connection's field mappings, once, which then find the values in every message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mappings.segment.paths import MISSING, First, If, Path, Value, is_there

#: Returns the value for a message, which may be null; MISSING if there is none.
Lookup = Callable[[Any], Any]
#: The message, and each object in it that values are looked up in; empty where the message has no object.
_Objects = list[dict[str, Any]]
#: The number of each of these objects, by its place.
_Numbers = dict[Path, int]
_Within = Callable[[_Objects], Any]
_EMPTY: Final[dict[str, Any]] = {}
#: A name that no object has.
_NOWHERE: Final[Any] = object()


def resolve(value: Value, message: Any, *, nulls: bool = False) -> Any:
    """Return the value of the mapping for this message; None if there is none. `nulls`: see `finder`."""
    return finder(value, nulls=nulls)(message)


def finder(value: Value, *, nulls: bool = False) -> Lookup:
    """Return the function that finds the value of the mapping in a message, None if there is none.

    Entries of a table without a value are left out. With `nulls`, an entry stays as None if its place, or one of the
    places that it tries, is null.
    """
    read = lookup(value, nulls=nulls)

    def find(message: Any) -> Any:
        return _or_none(read(message))

    return find


def lookup(value: Value, *, nulls: bool = False) -> Lookup:
    """Return the function that looks for the value of the mapping in a message. `nulls`: see `finder`.

    Each object is looked for once, because most values of a table are in the same few objects.
    """
    if isinstance(value, Path):
        return _place(value)
    numbers: _Numbers = {Path(()): 0}
    look = _within(value, nulls, numbers)
    places = [_place(path) for path in numbers]

    def read(message: Any) -> Any:
        objects = []
        for place in places:
            found = place(message)
            objects.append(found if isinstance(found, dict) else _EMPTY)
        return look(objects)

    return read


def _within(value: Value, nulls: bool, numbers: _Numbers) -> _Within:
    """Return the function that looks for the value in objects, and add these to `numbers`."""
    match value:
        case Path((*outer, str(name))):
            at = numbers.setdefault(Path(tuple(outer)), len(numbers))
            return lambda objects: objects[at].get(name, MISSING)
        case Path():
            return lambda objects: value.read(objects[0])
        case First(places):
            return _first([_within(place, nulls, numbers) for place in places])
        case If(exists, then, otherwise):
            return _choice(*(_within(each, nulls, numbers) for each in (exists, then, otherwise)))
        case dict():
            return _table(value, nulls, numbers)
        case list():
            entries = [_within(entry, False, numbers) for entry in value]
            return lambda objects: [_or_none(look(objects)) for look in entries]
    literal = MISSING if value is None else value
    return lambda _objects: literal


def _or_none(found: Any) -> Any:
    return None if found is MISSING else found


def _place(path: Path) -> Lookup:
    """Return `path.read`, or for up to three names, as most paths have, a function without a loop."""
    match path.steps:
        case ():
            return lambda message: message
        case (str(name),):
            return lambda message: message.get(name, MISSING) if isinstance(message, dict) else MISSING
        case (str(outer), str(name)):
            return _second(outer, name)
        case (str(outer), str(middle), str(name)):
            table, inner = _second(outer, middle), _place(Path((name,)))
            return lambda message: inner(table(message))
    return path.read


def _second(outer: str, name: str) -> Lookup:
    def read(message: Any) -> Any:
        table = message.get(outer) if isinstance(message, dict) else None
        return table.get(name, MISSING) if isinstance(table, dict) else MISSING

    return read


def _first(places: list[_Within]) -> _Within:
    def read(objects: _Objects) -> Any:
        """Return the first value that is there; if no place has one, None if a place is null, else MISSING."""
        nothing = MISSING
        for place in places:
            found = place(objects)
            if found is None:
                nothing = None
            elif found is not MISSING and is_there(found):
                return found
        return nothing

    return read


def _choice(exists: _Within, then: _Within, otherwise: _Within) -> _Within:
    return lambda objects: (then if is_there(exists(objects)) else otherwise)(objects)


def _table(value: dict[str, Value], nulls: bool, numbers: _Numbers) -> _Within:
    plan = [_entry(key, entry, nulls, numbers) for key, entry in value.items()]

    def read(objects: _Objects) -> Any:
        table = {}
        for key, at, name, look in plan:
            found = objects[at].get(name, MISSING)
            if isinstance(found, str) and found and not found.isspace():  # as most are
                table[key] = found
                continue
            if look and not is_there(found):
                found = look(objects)
            if found is not MISSING and (is_there(found) or (nulls and found is None)):
                table[key] = found
        return table

    return read


def _entry(key: str, value: Value, nulls: bool, numbers: _Numbers) -> tuple[str, int, str, _Within | None]:
    """Return an entry of a table: its name, the object and the name to try first, and how to look for other values."""
    look = _within(value, nulls, numbers)
    match value:
        case Path((*outer, str(name))):
            return key, numbers[Path(tuple(outer))], name, None
        case First((Path((*outer, str(name))), *_)):
            return key, numbers[Path(tuple(outer))], name, look
    return key, 0, _NOWHERE, look
