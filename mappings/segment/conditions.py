"""The conditions of a trigger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from mappings.segment import lookups
from mappings.segment.paths import Path


@dataclass(frozen=True, slots=True)
class Is:
    """The value at `path` is `value`; a missing value is None. Numbers are never equal to booleans."""

    path: Path
    value: str | float | bool | None


@dataclass(frozen=True, slots=True)
class Contains:
    """The value at `path` is text that contains `text`."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Match:
    """The value at `path` is text that matches `pattern`: `*` any characters, `?` one, `[abc]` one of these."""

    path: Path
    pattern: str


@dataclass(frozen=True, slots=True)
class Not:
    """The condition does not hold."""

    inner: Condition


@dataclass(frozen=True, slots=True)
class Every:
    """All conditions hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one condition holds."""

    parts: tuple[Condition, ...]


Condition = Is | Contains | Match | Not | Every | Some


Predicate = Callable[[dict[str, Any]], bool]


def predicate(condition: Condition) -> Predicate:
    """Return the function that says whether the condition holds for a message."""
    match condition:
        case Is(path, value):
            return _is(lookups.finder(path), value)
        case Contains(path, text):
            find = lookups.finder(path)
            return lambda message: isinstance(found := find(message), str) and text in found
        case Match(path, pattern):
            find = lookups.finder(path)
            return lambda message: isinstance(found := find(message), str) and fnmatchcase(found, pattern)
        case Not(inner):
            holds = predicate(inner)
            return lambda message: not holds(message)
        case Every(parts):
            return _every([predicate(part) for part in parts])
        case Some(parts):
            tests = [predicate(part) for part in parts]
            return lambda message: any(test(message) for test in tests)


def _every(tests: list[Predicate]) -> Predicate:
    match tests:
        case []:
            return lambda _message: True
        case [first, second]:
            return lambda message: first(message) and second(message)
    return lambda message: all(test(message) for test in tests)


def _is(find: lookups.Lookup, value: str | float | bool | None) -> Predicate:
    if isinstance(value, str):  # no boolean is equal to it
        return lambda message: bool(find(message) == value)

    def holds(message: dict[str, Any]) -> bool:
        found = find(message)
        return bool(found == value) and isinstance(found, bool) == isinstance(value, bool)

    return holds


#: What holds for every message, and what for none.
_ALWAYS: Final = Every(())
NEVER: Final = Some(())


def for_type(condition: Condition, kind: str) -> Condition:
    """Return what is left to test in a message of this type; NEVER if the condition cannot hold for it."""
    match condition:
        case Is(Path(("type",)), value):
            return _ALWAYS if value == kind else NEVER
        case Not(inner):
            left = for_type(inner, kind)
            return NEVER if left == _ALWAYS else _ALWAYS if left == NEVER else Not(left)
        case Every(parts):
            left_of = [left for part in parts if (left := for_type(part, kind)) != _ALWAYS]
            return NEVER if NEVER in left_of else left_of[0] if len(left_of) == 1 else Every(tuple(left_of))
        case Some(parts):
            left_of = [left for part in parts if (left := for_type(part, kind)) != NEVER]
            return _ALWAYS if _ALWAYS in left_of else left_of[0] if len(left_of) == 1 else Some(tuple(left_of))
    return condition


def types(condition: Condition) -> Iterator[object]:
    """Yield every value that the condition compares with the type of a message."""
    match condition:
        case Is(Path(("type",)), value):
            yield value
        case Not(inner):
            yield from types(inner)
        case Every(parts) | Some(parts):
            for part in parts:
                yield from types(part)
