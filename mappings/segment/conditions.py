"""The conditions of a trigger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

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


def holds(condition: Condition, message: dict[str, Any]) -> bool:
    """Return whether the condition holds for this message."""
    match condition:
        case Is():
            found = condition.path.find(message)
            return bool(found == condition.value) and isinstance(found, bool) == isinstance(condition.value, bool)
        case Contains():
            found = condition.path.find(message)
            return isinstance(found, str) and condition.text in found
        case Match():
            found = condition.path.find(message)
            return isinstance(found, str) and fnmatchcase(found, condition.pattern)
        case Not():
            return not holds(condition.inner, message)
        case Every():
            return all(holds(part, message) for part in condition.parts)
        case Some():
            return any(holds(part, message) for part in condition.parts)


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
