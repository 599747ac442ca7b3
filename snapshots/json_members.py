"""Yield the members of a JSON document one at a time, built from the events of a parser.

Not `ijson.items`: it silently keeps the last value of a duplicate name, and ignores everything beside the members, such
as people to be left out under a misspelt name. The nesting depth is checked before the parser gets the bytes
(json_rows.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from snapshots.rows import Unreadable
from text.json_names import TWICE, shown, unknown

_MEMBERS: Final = "members"
_NEITHER: Final = 'the document is neither [...] nor {"members": [...]}: send one of these two forms'

#: What `ijson.basic_parse` yields: an event and its name or value.
Events = Iterator[tuple[str, Any]]
_Path = tuple[str | int, ...]


def members(events: Events) -> Iterator[Any]:
    """Yield the members of `[...]` or of `{"members": [...]}`. Raises Unreadable, and what the parser raises."""
    event, _ = next(events, ("", None))
    if event == "start_array":
        yield from _items(events)
    elif event == "start_map":
        yield from _of_object(events)
    else:
        raise Unreadable(_NEITHER)
    for _ in events:  # the parser raises for anything after the document
        pass


def _of_object(events: Events) -> Iterator[Any]:
    found = False
    for event, name in events:
        if event == "end_map":
            break
        if name != _MEMBERS:
            raise Unreadable(f"the document has a name besides {_MEMBERS}: {unknown(name, (_MEMBERS,))}")
        if found:
            raise Unreadable(f"{_MEMBERS} {TWICE}: remove one of them")
        found = True
        if next(events, ("", None))[0] != "start_array":
            raise Unreadable(_NEITHER)
        yield from _items(events)
    if not found:
        raise Unreadable(_NEITHER)


def _items(events: Events) -> Iterator[Any]:
    for number, (event, value) in enumerate(events, start=1):
        if event == "end_array":
            return
        yield _built(event, value, events, (number,))


def _built(event: str, value: Any, events: Events, path: _Path) -> Any:
    if event == "start_map":
        return _object(events, path)
    if event == "start_array":
        return _array(events, path)
    # As in NDJSON: integers are exact, however large, and other numbers are floats.
    return float(value) if isinstance(value, Decimal) else value


def _object(events: Events, path: _Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    name = ""
    for event, value in events:
        if event == "end_map":
            break
        if event != "map_key":
            found[name] = _built(event, value, events, (*path, name))
        elif (name := value) in found:
            raise Unreadable(f"{_place(path)}.{shown(name)}: {TWICE}: remove one of them")
    return found


def _array(events: Events, path: _Path) -> list[Any]:
    found: list[Any] = []
    for event, value in events:
        if event == "end_array":
            break
        found.append(_built(event, value, events, (*path, len(found))))
    return found


def _place(path: _Path) -> str:
    number, *within = path
    return f"member {number:,}" + "".join(
        f"[{part}]" if isinstance(part, int) else f".{shown(part)}" for part in within
    )
