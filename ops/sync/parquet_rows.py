"""Read a Parquet file as lines of JSON, with numbers as those of a query (sources/values.py)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from ops.errors import Failed
from sources.values import LeftOut, plain
from text.wording import missing_package

#: Rows in memory at a time.
_ROWS: Final = 1_000
# A decimal must stay a number: written as text it would become a text property.
encode = msgspec.json.Encoder(decimal_format="number").encode_lines


#: Column -> reason -> values that are left out, counted while a file is read.
LeftOutCounts = dict[str, Counter[str]]
_UTC: Final = ZoneInfo("UTC")


def lines(file: Path, left_out: LeftOutCounts) -> Iterator[bytes]:
    """Yield NDJSON of up to 1,000 rows at a time, with a key for each column; a null stays null.

    Times are exact to the microsecond, as JSON has them; a map becomes an object; NaN and infinite numbers are left out
    and counted in `left_out`. Raises Failed if pyarrow is not installed, for a file that it cannot read, for two
    columns of one name, and for a column that JSON cannot express.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as fault:
        raise Failed(missing_package("Parquet", "pyarrow", "parquet")) from fault
    try:
        with parquet.ParquetFile(file) as opened:
            check_names(file, opened.schema_arrow.names)
            schema = pyarrow.schema([_plain(pyarrow, file, each) for each in opened.schema_arrow])
            for number, batch in enumerate(opened.iter_batches(batch_size=_ROWS)):
                pairs = zip(schema, batch.columns, strict=True)
                columns = [column.cast(field.type, safe=False) for field, column in pairs]
                values = [
                    _values(file, field.name, column, 1 + number * _ROWS)
                    for field, column in zip(schema, columns, strict=True)
                ]
                numeric = [_has_any(field.type, _number_checks(pyarrow.types)) for field in schema]
                yield encode(rows_of(schema.names, [*map(_finite, values, numeric)], left_out))
    except (pyarrow.ArrowException, OSError, msgspec.EncodeError, TypeError) as fault:
        raise Failed(f"{file} cannot be read as Parquet ({fault}). Export it again, or as CSV.") from fault


def check_names(file: Path, names: Sequence[str]) -> None:
    """Raise Failed for two columns of one name: only one of them would be sent."""
    for name, times in Counter(names).items():
        if times > 1:
            raise Failed(f"{file} has {times} columns named {name!r}: rename or remove all but one of them")


def _plain(pyarrow: Any, file: Path, field: Any) -> Any:
    """Return the field with a type whose values JSON can express. Raises Failed for bytes."""
    types = pyarrow.types
    if _has_any(field.type, (types.is_binary, types.is_large_binary, types.is_fixed_size_binary)):
        raise Failed(f"{file}: the column {field.name!r} has bytes, not text: export it as text, or leave it out")
    if types.is_timestamp(field.type):
        return field.with_type(pyarrow.timestamp("us", field.type.tz))
    if types.is_time64(field.type):
        return field.with_type(pyarrow.time64("us"))
    return field


def _has_any(kind: Any, checks: Sequence[Callable[[Any], bool]]) -> bool:
    """Return whether a type is one of those that are checked, or has one within: a list, a struct, a map."""
    if any(check(kind) for check in checks):
        return True
    within = [kind.field(index).type for index in range(kind.num_fields)]
    if hasattr(kind, "value_type"):  # a dictionary's values are no field
        within.append(kind.value_type)
    return any(_has_any(each, checks) for each in within)


def _number_checks(types: Any) -> Sequence[Callable[[Any], bool]]:
    """Return the checks for numbers that JSON may not have; smaller whole numbers are exact everywhere."""
    return types.is_floating, types.is_decimal, types.is_int64, types.is_uint64


def _finite(values: list[Any], is_numeric: bool) -> list[Any]:
    return [*map(_number, values)] if is_numeric else values


def _number(value: Any) -> Any:
    """Return a value with numbers as JSON has them, LeftOut for one that it cannot express."""
    try:
        return _plain_numbers(value)
    except LeftOut as fault:
        return fault


def _plain_numbers(value: Any) -> Any:
    if isinstance(value, float | int | Decimal):
        return plain(value, _UTC)
    if isinstance(value, dict):
        return {name: _plain_numbers(each) for name, each in value.items()}
    return [*map(_plain_numbers, value)] if isinstance(value, list) else value


def rows_of(names: Sequence[str], columns: Sequence[Sequence[Any]], left_out: LeftOutCounts) -> list[dict[str, Any]]:
    """Return rows by the names of their columns. A value that is a LeftOut is left out of its row, and counted."""
    is_whole = True
    for name, values in zip(names, columns, strict=True):
        if reasons := Counter(value.reason for value in values if isinstance(value, LeftOut)):
            left_out.setdefault(name, Counter()).update(reasons)
            is_whole = False
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    if is_whole:
        return rows
    return [{name: value for name, value in row.items() if not isinstance(value, LeftOut)} for row in rows]


def _values(file: Path, name: str, column: Any, first: int) -> list[Any]:
    """Return the values of a column. Raises Failed for a time beyond the year 9999, naming column and rows."""
    try:
        return column.to_pylist(maps_as_pydicts="strict")  # type: ignore[no-any-return]  # pyarrow has no types
    except (OverflowError, ValueError, KeyError) as fault:
        raise Failed(
            f"{file}: the column {name!r} has a value in the rows {first:,} to {first + len(column) - 1:,} that cannot "
            "be sent, such as a time beyond the year 9999 or a map with a name twice: correct it, or leave it out"
        ) from fault
