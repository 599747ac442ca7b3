"""Klaviyo's `filter=` grammar: `equals(email,"a@b.c")`, `any(id,["x","y"])`, `greater-than(created,2026-01-01)`.

Clauses are joined by commas, or wrapped in one `and(...)`. Strings are in double or single quotes, with a backslash as
escape; dates and numbers are not quoted (Klaviyo: filtering guide; community, 14473).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from emulator.errors import ApiError, bad_parameter

_QUOTED = r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\''
_VALUE = rf"(?:{_QUOTED}|[^\"'\[\](),\s]+)"
_LIST = rf"\[\s*(?:{_VALUE}(?:\s*,\s*{_VALUE})*)?\s*\]"
_CLAUSE = re.compile(rf"\s*([a-z-]+)\(\s*([A-Za-z0-9_.]+)\s*(?:,\s*({_VALUE}|{_LIST})\s*)?\)\s*")
_ITEM = re.compile(_VALUE)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "greater-than": operator.gt,
    "greater-or-equal": operator.ge,
    "less-than": operator.lt,
    "less-or-equal": operator.le,
}


class Filterable(NamedTuple):
    """The values and operators of a field in filters. `kind`: string, number, date-time or none; `values`: the allowed
    ones, all if empty."""

    kind: str
    operators: frozenset[str]
    values: tuple[str, ...] = ()


class Clause(NamedTuple):
    """One condition; `values` has one entry except for `any`, and none for `has`."""

    operator: str
    field: str
    values: tuple[Any, ...]


def parse(text: str, allowed: Mapping[str, Filterable]) -> list[Clause]:
    """Return the clauses of a filter, which must all hold; raises `ApiError` 400 naming the parameter `filter`."""
    inner = text.strip()
    if inner.startswith("and(") and inner.endswith(")"):
        inner = inner[4:-1]
    clauses = []
    position = 0
    while match := _CLAUSE.match(inner, position):
        clauses.append(_clause(match, allowed))
        position = match.end()
        if position == len(inner):
            return clauses
        if inner[position] != ",":
            break
        position += 1
    raise _invalid(f"it cannot be read at character {position + 1}")


def _clause(match: re.Match[str], allowed: Mapping[str, Filterable]) -> Clause:
    name, field, written = match.groups()
    filterable = allowed.get(field)
    if filterable is None:
        known = f"The filterable fields on this resource are: {', '.join(sorted(allowed))}"
        raise bad_parameter("filter", f"'{field}' is not a filterable field for this resource. {known}")
    if name not in filterable.operators:
        raise _invalid(f"'{name}' is not an operator for '{field}'")
    listed = written is not None and written.startswith("[")
    if (written is None) != (name == "has") or listed != (name == "any" or (listed and name == "equals")):
        raise _invalid(f"'any' takes a list, 'has' no value and '{name}' another number of values")
    values = _ITEM.findall(written) if listed else [written] if written else []
    return Clause(name, field, tuple(_value(value, filterable) for value in values))


def _value(written: str, filterable: Filterable) -> Any:
    """Return a text, a number or a moment, as the field has them."""
    quoted = written[0] in "\"'"
    if quoted != (filterable.kind == "string"):
        raise _invalid("strings must be in quotes, dates and numbers without")
    try:
        if filterable.kind == "date-time":
            return _moment(written)
        if filterable.kind == "number":
            return float(written)
    except ValueError:
        raise _invalid("a date must be ISO 8601, a number decimal") from None
    text = _ESCAPE.sub(r"\1", written[1:-1])
    if filterable.values and text not in filterable.values:
        raise _invalid(f"the values are {', '.join(filterable.values)}")
    return text


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _invalid(reason: str) -> ApiError:
    return bad_parameter("filter", f"Invalid filter provided: {reason}.")


def holds(clause: Clause, value: str | float | None) -> bool:
    """Return whether the value satisfies the clause; e-mail addresses are compared without case."""
    if clause.operator == "has":
        return True
    if value is None:
        return False
    if clause.operator in _COMPARE:
        return _COMPARE[clause.operator](_moment(value) if isinstance(value, str) else value, clause.values[0])
    if clause.field == "email":
        return str(value).lower() in {wanted.lower() for wanted in clause.values}
    return value in clause.values
