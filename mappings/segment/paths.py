"""The values of a field mapping: paths into a Segment message, literals, choices, and tables of these."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

_STEP: Final = re.compile(
    r"""\.(?P<name>[^.\[\]'"\s]+) | \[(?P<index>\d{1,6})\] | \[(?P<quote>['"])(?P<quoted>.+?)(?P=quote)\]""",
    re.ASCII | re.VERBOSE,
)
_IF: Final = "@if"
_IF_KEYS: Final = {"exists", "then", "else"}
#: Nothing is at a place, not even null.
MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Path:
    """A place in a message; a number among the steps is an index into a list."""

    steps: tuple[str | int, ...]

    def find(self, message: Any) -> Any:
        """Return the value at this place; None if there is none."""
        found = self.read(message)
        return None if found is MISSING else found

    def read(self, message: Any) -> Any:
        """Return the value at this place, which may be null; MISSING if there is no such place."""
        found = message
        for step in self.steps:
            if isinstance(found, dict):
                found = found.get(step, MISSING)
            elif isinstance(found, list) and isinstance(step, int) and step < len(found):
                found = found[step]
            else:
                return MISSING
        return found


@dataclass(frozen=True, slots=True)
class First:
    """The value at the first of these places that has one."""

    places: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class If:
    """The value `then` if there is a value at `exists`, else `otherwise`."""

    exists: Path
    then: Value
    otherwise: Value = None


Value = Path | First | If | dict[str, "Value"] | list["Value"] | str | float | bool | None


def parse(raw: Any) -> Value:
    """Parse a mapping as written in JSON or TOML; raises ValueError with the problem, the place and the valid values.

    A text that begins with `$` is a path (`$.traits.email`, `$.products[0].id`, `$.traits['favourite colour']`), a
    table with `@if` is a choice, any other table or list contains mappings, and anything else is a literal.
    """
    if isinstance(raw, str):
        return parse_path(raw) if raw.startswith("$") else raw
    if isinstance(raw, dict):
        return _choice(raw) if _IF in raw else {key: parse(value) for key, value in raw.items()}
    if isinstance(raw, list):
        return [parse(entry) for entry in raw]
    if isinstance(raw, int) or (isinstance(raw, float) and math.isfinite(raw)):
        return raw
    raise ValueError(f"{type(raw).__name__} is not a valid value; write a text, a number, true, false or a table")


def parse_path(text: str) -> Path:
    """Parse a path such as `$.traits.email`; raises ValueError with the position of the first invalid character."""
    steps: list[str | int] = []
    position = 1
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(
                f"{text!r}: not a path from character {position + 1} on; "
                "a step is .name, [0] or ['any name'], and a text that begins with $ is always a path"
            )
        index = match["index"]
        steps.append(match["name"] or match["quoted"] if index is None else int(index))
        position = match.end()
    return Path(tuple(steps))


def _choice(raw: dict[str, Any]) -> First | If:
    inner = raw[_IF]
    if len(raw) > 1 or not isinstance(inner, dict) or not {"exists", "then"} <= inner.keys() <= _IF_KEYS:
        raise ValueError('@if: it must be the only key of its table, with "exists", "then" and optionally "else"')
    exists = inner["exists"]
    if not isinstance(exists, str) or not exists.startswith("$"):
        raise ValueError('@if: "exists" must be a path such as $.traits.email')
    place, then = parse_path(exists), parse(inner["then"])
    otherwise = parse(inner["else"]) if "else" in inner else None
    if then == place and (otherwise is None or isinstance(otherwise, Path | First)):
        return First((place, *paths(otherwise)))
    return If(place, then, otherwise)


def is_there(value: Any) -> bool:
    """Return whether a value is present: null and blank text are not.

    In a choice, Segment counts blank text as present and drops it afterwards, so it loses an e-mail in the second place
    when the first one is blank.
    """
    if isinstance(value, str):
        return value != "" and not value.isspace()
    return value is not None and value is not MISSING


def first_of(found: Mapping[str, Any], names: Iterable[str]) -> Any:
    """Return the first of these entries that is present, or None."""
    return next((found[name] for name in names if is_there(found.get(name))), None)


def paths(value: Value) -> list[Path]:
    """Return every path that the mapping takes values from."""
    if isinstance(value, Path):
        return [value]
    if isinstance(value, First):
        return list(value.places)
    if isinstance(value, If):
        return [*paths(value.then), *paths(value.otherwise)]
    if isinstance(value, dict):
        return [path for entry in value.values() for path in paths(entry)]
    if isinstance(value, list):
        return [path for entry in value for path in paths(entry)]
    return []
