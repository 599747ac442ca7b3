"""What `ferry queries check` found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from configuration.queries import DataSource, Query
from ops.audit_format import masked
from ops.output import table
from ops.queries.checking import Examined
from ops.sync.view import fields_left_out
from text.escaping import visible
from text.wording import plural

_NULL: Final = "(empty)"


def document(query: Query, found: Examined, personal_data: bool) -> dict[str, Any]:
    """Return the result for programs; values of people are masked unless `personal_data` is True."""
    columns = []
    for each in found.columns:
        use = found.uses.get(each.name.strip())
        columns.append({"type": each.type, **(msgspec.to_builtins(use) if use else {"column": each.name})})
    return {
        "query": query.name,
        "source": query.source,
        "warnings": found.warnings,
        "columns": columns,
        "left_out": found.left_out,
        "rows": found.rows
        if personal_data
        else [{name: hidden(cell) for name, cell in row.items()} for row in found.rows],
    }


def view(query: Query, source: DataSource, found: Examined, personal_data: bool) -> Iterator[RenderableType]:
    """Yield the warnings, what the columns become, and the first rows."""
    yield Text(f"{query.name}: connected to {source.name}; the query can be read.")
    for warning in found.warnings:
        yield Text(f"Warning: {warning}.", style="yellow")
    yield Text("")
    yield _columns(found)
    yield Text(f"\nThe first {plural(len(found.rows), 'row')}:" if found.rows else "\nThe result has no rows.")
    if found.rows:
        yield _rows(found, personal_data)
    for sentence in fields_left_out(found.left_out):
        yield Text(f"{sentence}; the people are sent without it.")


def _columns(found: Examined) -> Table:
    made = table("Column", "Type", "Becomes", "Sent")
    for each in found.columns:
        use = found.uses.get(each.name.strip())
        becomes, why_not = (use.becomes, use.not_sent) if use else ("", "")
        made.add_row(visible(each.name), visible(each.type), visible(becomes), why_not or "yes")
    return made


def _rows(found: Examined, personal_data: bool) -> Table:
    names = [each.name for each in found.columns]
    made = table(*map(visible, names))
    for row in found.rows:
        cells = (row.get(name) for name in names)
        made.add_row(*(visible(_whole(cell) if personal_data else hidden(cell)) for cell in cells))
    return made


def _whole(cell: Any) -> str:
    return _NULL if cell is None else str(cell)


def hidden(cell: Any) -> str:
    """Return as much of a value as it takes to recognise it: an address by its ends, others by the beginning."""
    if cell is None:
        return _NULL
    if isinstance(cell, bool):
        return str(cell)
    if not isinstance(cell, str | int | float):
        return "***"
    text = str(cell)
    return masked(f"{'email' if '@' in text else 'value'}:{text}")
