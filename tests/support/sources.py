"""Reads queries as a run does: the rows that Ferry would get, or the error."""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from configuration.queries import DataSource, Query
from sources.errors import SourceError
from sources.reading import Reading, read
from sources.staging import stage


class Found(NamedTuple):
    """A whole result as programs see it."""

    rows: list[dict[str, Any]]
    types: dict[str, str]
    left_out: dict[str, dict[str, int]]


def reading(source: DataSource, sql: str, seconds: float = 60, **options: Any) -> Reading:
    """Start a query. `options`: of the query, and `slot`, `last_run`, `cancelled`."""
    run = {name: options.pop(name) for name in ("slot", "last_run", "cancelled") if name in options}
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(sql)
        file.flush()
        query = Query("vips", source.name, sql_file=Path(file.name), **options)
        return read(query, source, time.monotonic() + seconds, **run)


def result(source: DataSource, sql: str, **options: Any) -> Found:
    """Read a query to its end."""
    with closing(stage(reading(source, sql, **options), Path(tempfile.gettempdir()))) as staged:
        lines = b"".join(staged.pieces()).splitlines()
        assert len(lines) == staged.rows
        types = {each.name: each.type for each in staged.columns}
        return Found([*map(_strict, lines)], types, {name: {**reasons} for name, reasons in staged.left_out.items()})


def refused(source: DataSource, sql: str, **options: Any) -> SourceError:
    """The error of a query that must not be read to its end."""
    with pytest.raises(SourceError) as error:
        result(source, sql, **options)
    return error.value


def _strict(line: bytes) -> Any:
    def constant(name: str) -> Any:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(line, parse_constant=constant)
