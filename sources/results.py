"""A result while it is read: its columns as the database names them, and its rows in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

#: Rows in memory at a time.
ROWS: Final = 2_000


class ResultColumn(NamedTuple):
    """A column. `type`: as the database says it, empty if it does not."""

    name: str
    type: str = ""


class OpenResult(NamedTuple):
    """The columns of a result, and its rows; the batches raise SourceError if they break off."""

    columns: tuple[ResultColumn, ...]
    batches: Iterator[Sequence[Sequence[Any]]]
