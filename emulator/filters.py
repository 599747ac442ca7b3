"""Klaviyo's `filter=` grammar: `equals(email,"a@b.c")`, `any(id,["x","y"])`, `greater-than(created,2026-01-01)`.

Clauses are joined by commas, or wrapped in one `and(...)`; strings are in double or single quotes, with a backslash as
escape; dates are not quoted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from emulator.errors import ApiError, bad_parameter

_QUOTED = r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\''
_STRING = re.compile(_QUOTED)
_VALUE = rf"(?:{_QUOTED}|[^\"'\[\](),\s]+)"
_LIST = rf"\[\s*(?:{_VALUE}(?:\s*,\s*{_VALUE})*)?\s*\]"
_CLAUSE = re.compile(rf"\s*([a-z-]+)\(\s*([A-Za-z0-9_.]+)\s*,\s*({_VALUE}|{_LIST})\s*\)\s*")
_ITEM = re.compile(_VALUE)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

TEXT = frozenset({"equals", "any"})
DATES = frozenset({"greater-than", "greater-or-equal", "less-than", "less-or-equal"})

_COMPARE: dict[str, Callable[[datetime, datetime], bool]] = {
    "greater-than": datetime.__gt__,
    "greater-or-equal": datetime.__ge__,
    "less-than": datetime.__lt__,
    "less-or-equal": datetime.__le__,
}


class Clause(NamedTuple):
    """One condition; `values` has one entry except for `any`."""

    operator: str
    field: str
    values: tuple[str, ...]


def parse(text: str, allowed: Mapping[str, frozenset[str]]) -> list[Clause]:
    """Return the clauses of a filter, which must all hold.

    `allowed` maps a field to its operators. Raises `ApiError` 400 naming the parameter `filter`.
    """
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
    raise _refused(f"The filter cannot be read at character {position + 1}.")


def _clause(match: re.Match[str], allowed: Mapping[str, frozenset[str]]) -> Clause:
    operator, field, written = match.groups()
    if field not in allowed:
        raise _refused(f"'{field}' is not a filterable field.")
    if operator not in allowed[field]:
        raise _refused(f"'{operator}' is not a valid operator for '{field}'.")
    if (operator == "any") != written.startswith("["):
        raise _refused(f"'any' takes a list and '{operator}' one value.")
    values = tuple(_plain(value) for value in (_ITEM.findall(written) if operator == "any" else [written]))
    if operator in DATES:
        _instant(values[0])
    return Clause(operator, field, values)


def _plain(value: str) -> str:
    return _ESCAPE.sub(r"\1", value[1:-1]) if _STRING.fullmatch(value) else value


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _refused("A date in a filter must be ISO 8601 without quotes.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _refused(detail: str) -> ApiError:
    return bad_parameter("filter", detail)


def holds(clause: Clause, value: str | None) -> bool:
    """Return whether the value satisfies the clause; e-mail addresses are compared without case."""
    if value is None:
        return False
    if clause.operator in DATES:
        return _COMPARE[clause.operator](_instant(value), _instant(clause.values[0]))
    if clause.field == "email":
        return value.lower() in {wanted.lower() for wanted in clause.values}
    return value in clause.values
