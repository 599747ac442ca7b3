"""Values of any database as JSON has them. Pure.

Whole numbers beyond 2^53 and identifiers become text, because programs that read JSON round them. Times become UTC. A
value that JSON cannot express, such as NaN, is left out and counted: null would clear the attribute. Parquet files
(ops/sync/parquet_rows.py) have their numbers from here, too.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from configuration.queries import Query
from mappings.columns import ColumnSettings, layout
from text.surrogates import whole_characters

#: The largest whole number that a fraction has exactly.
_EXACT: Final = 2**53
#: Digits before the point that every fraction has exactly.
_EXACT_DIGITS: Final = 15
#: A number from here on is infinite for programs that read JSON.
_BEYOND: Final = 2**1024
#: Digits of the largest number before it; text of a whole number with more is not made an int, which takes long.
_DIGITS: Final = 309
#: Digits: no whole number that identifies somebody has more.
_LONGEST: Final = 28
NOT_FINITE: Final = "number_not_finite"
OUT_OF_RANGE: Final = "time_out_of_range"


#: DuckDB's infinite times; its infinite days cannot be told from a real 9999-12-31.
_ENDS: Final = (datetime.max, datetime.min)  # noqa: DTZ901
_YEARS_OF_ENDS: Final = (datetime.max.year, datetime.min.year)  # noqa: DTZ901


class LeftOut(Exception):
    """A value that JSON cannot express; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BinaryValue(Exception):
    """A column has bytes."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


class _Bytes(Exception):
    """A value has bytes."""


class Infinite:
    """Stands for a time that Python does not have: infinite, before the year 1 or after 9999."""


INFINITE: Final = Infinite()
_Convert = Callable[[Any], Any]


def plain(value: Any, zone: ZoneInfo) -> Any:
    """Return a value as JSON has it. `zone`: of times without one. Raises LeftOut, _Bytes."""
    kind = type(value)
    if value is None or kind is str or kind is bool:
        return value
    convert = _CONVERT.get(kind)
    if convert is not None:
        return convert(value)
    if kind is datetime:
        return _moment(value, zone)
    if isinstance(value, dict):
        return {str(name): plain(each, zone) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each, zone) for each in value]
    return str(value)


def _whole(value: int) -> int | str:
    if -_EXACT <= value <= _EXACT:
        return value
    if abs(value) >= _BEYOND:
        raise LeftOut(NOT_FINITE)
    return str(value)


def _fraction(value: float) -> float:
    if not math.isfinite(value):
        raise LeftOut(NOT_FINITE)
    return value


def _decimal(value: Decimal) -> Decimal | str:
    if not value.is_finite():
        raise LeftOut(NOT_FINITE)
    size = value.adjusted()
    if size < _EXACT_DIGITS:
        return value
    # The exponent first: 1E+1000000 as an int would fill the memory.
    if size >= _DIGITS or abs(value) >= _BEYOND:
        raise LeftOut(NOT_FINITE)
    if abs(value) > _EXACT and value == value.to_integral_value():
        return format(value, "f") if size < 100 else str(value)
    return value


def _moment(value: datetime, zone: ZoneInfo) -> str:
    if value.year in _YEARS_OF_ENDS and value.replace(tzinfo=None) in _ENDS:
        raise LeftOut(OUT_OF_RANGE)
    try:
        utc = (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        raise LeftOut(OUT_OF_RANGE) from None
    return utc.isoformat().replace("+00:00", "Z")


def _no_time(_: Infinite) -> str:
    raise LeftOut(OUT_OF_RANGE)


def _no_bytes(_: object) -> str:
    raise _Bytes


_CONVERT: Final[dict[type, _Convert]] = {
    int: _whole,
    float: _fraction,
    Decimal: _decimal,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: str,
    UUID: str,
    Infinite: _no_time,
    bytes: _no_bytes,
    bytearray: _no_bytes,
    memoryview: _no_bytes,
}


def _of_digits(text: str) -> int | Decimal:
    return int(text) if len(text) <= _DIGITS else Decimal(text)


_decode: Final = json.JSONDecoder(parse_int=_of_digits).decode


def read_json(text: str) -> Any:
    """Read JSON of a database: with U+FFFD for half characters, and numbers that are left out later if too large."""
    return _decode(whole_characters(text.encode()).decode() if "\\u" in text else text)


def identifier(value: Any, zone: ZoneInfo) -> Any:
    """Return an identifier as text, a whole number without a fraction; null and several addresses stay."""
    if isinstance(value, float | Decimal) and _is_whole(value):
        return str(int(value))
    found = plain(value, zone)
    return str(found) if isinstance(found, int | float | Decimal) and not isinstance(found, bool) else found


def _is_whole(value: float | Decimal) -> bool:
    exact = Decimal(value)
    return exact.is_finite() and exact.adjusted() < _LONGEST and exact == exact.to_integral_value()


#: Types of cells that JSON has, whatever their column is.
_AS_JSON: Final = frozenset({str, bool, type(None)})
#: Stands for a cell that is not in its row.
_ABSENT: Final = object()


class RowReader:
    """Turns the rows of one result into objects. `left_out`: column -> reason -> cells, counted here."""

    def __init__(self, query: Query, time_zone: str, names: Sequence[str], left_out: dict[str, Counter[str]]) -> None:
        targets = layout(names, ColumnSettings(query.columns))
        zone = ZoneInfo(time_zone)
        self._names = names
        self._converts: list[_Convert] = [
            partial(identifier if target.kind == "identifier" else plain, zone=zone) for target in targets
        ]
        self._keeps = query.null == "keep"
        self._left_out = left_out

    def rows(self, batch: Sequence[Iterable[Any]]) -> list[dict[str, Any]]:
        """Return rows by the names of their columns. Raises BinaryValue.

        With `null = "keep"` an empty cell is left out of the object, so that nothing is cleared.
        """
        # Column by column, because most columns are text, which is looked at all at once.
        columns = zip(*batch, strict=True) if batch else [()] * len(self._names)
        read = [self._column(*each) for each in zip(self._names, self._converts, columns, strict=True)]
        rows = [dict(zip(self._names, cells, strict=True)) for cells in zip(*read, strict=True)]
        # Only these two make a cell absent.
        if not (self._left_out or self._keeps):
            return rows
        return [{name: cell for name, cell in row.items() if cell is not _ABSENT} for row in rows]

    def _column(self, name: str, convert: _Convert, cells: Sequence[Any]) -> Sequence[Any]:
        kinds = {*map(type, cells)}
        if kinds <= _AS_JSON and not (self._keeps and type(None) in kinds):
            return cells
        return [self._cell(name, convert, cell) for cell in cells]

    def _cell(self, name: str, convert: _Convert, cell: Any) -> Any:
        if cell is None and self._keeps:
            return _ABSENT
        try:
            return convert(cell)
        except LeftOut as fault:
            self._left_out.setdefault(name, Counter())[fault.reason] += 1
            return _ABSENT
        except _Bytes:
            raise BinaryValue(name) from None
