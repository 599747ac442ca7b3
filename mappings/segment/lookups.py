"""Makes functions of a connection's field mappings, once, which then find the values in every message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mappings.segment.paths import MISSING, First, If, Path, Value, is_there

#: Returns the value for a message, which may be null; MISSING if there is none.
Lookup = Callable[[Any], Any]


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
        found = read(message)
        return None if found is MISSING else found

    return find


def lookup(value: Value, *, nulls: bool = False) -> Lookup:
    """Return the function that looks for the value of the mapping in a message. `nulls`: see `finder`."""
    if isinstance(value, Path):
        return _place(value)
    if isinstance(value, First):
        return _first([_place(place) for place in value.places])
    if isinstance(value, If):
        exists = _place(value.exists)
        then, otherwise = lookup(value.then, nulls=nulls), lookup(value.otherwise, nulls=nulls)
        return lambda message: (then if is_there(exists(message)) else otherwise)(message)
    if isinstance(value, dict):
        return _table({key: lookup(entry, nulls=nulls) for key, entry in value.items()}, nulls)
    if isinstance(value, list):
        entries = [finder(entry) for entry in value]
        return lambda message: [find(message) for find in entries]
    literal = MISSING if value is None else value
    return lambda _message: literal


def _place(path: Path) -> Lookup:
    """Return `path.read`, or for one to three names, as most paths have, a function without a loop."""
    match path.steps:
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


def _first(places: list[Lookup]) -> Lookup:
    def read(message: Any) -> Any:
        """Return the first value that is there; if no place has one, None if a place is null, else MISSING."""
        nothing = MISSING
        for place in places:
            found = place(message)
            if found is None:
                nothing = None
            elif found is not MISSING and is_there(found):
                return found
        return nothing

    return read


def _table(entries: dict[str, Lookup], nulls: bool) -> Lookup:
    def read(message: Any) -> Any:
        found = {}
        for key, look in entries.items():
            value = look(message)
            if value is not MISSING and (is_there(value) or (nulls and value is None)):
                found[key] = value
        return found

    return read
