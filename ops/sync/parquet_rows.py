"""Read a Parquet file as lines of JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from ops.errors import Failed
from text.wording import missing_package

#: Rows in memory at a time.
_ROWS: Final = 1_000
# A decimal must stay a number: written as text it would become a text property.
encode = msgspec.json.Encoder(decimal_format="number").encode_lines


def lines(file: Path) -> Iterator[bytes]:
    """Yield NDJSON of up to 1,000 rows at a time, with a key for each column; a null stays null.

    Times are exact to the microsecond, as JSON has them; a map becomes an object. Raises Failed if pyarrow is not
    installed, for a file that it cannot read, for two columns of one name, and for a column that JSON cannot express.
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
                yield encode(_rows(file, schema.names, columns, 1 + number * _ROWS))
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
    if any(found(field.type) for found in (types.is_binary, types.is_large_binary, types.is_fixed_size_binary)):
        raise Failed(f"{file}: the column {field.name!r} has bytes, not text: export it as text, or leave it out")
    if types.is_timestamp(field.type):
        return field.with_type(pyarrow.timestamp("us", field.type.tz))
    if types.is_time64(field.type):
        return field.with_type(pyarrow.time64("us"))
    return field


def _rows(file: Path, names: Sequence[str], columns: Sequence[Any], first: int) -> list[dict[str, Any]]:
    values = [_values(file, name, column, first) for name, column in zip(names, columns, strict=True)]
    return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def _values(file: Path, name: str, column: Any, first: int) -> list[Any]:
    """Return the values of a column. Raises Failed for a time beyond the year 9999, naming column and rows."""
    try:
        return column.to_pylist(maps_as_pydicts="strict")  # type: ignore[no-any-return]  # pyarrow has no types
    except (OverflowError, ValueError, KeyError) as fault:
        raise Failed(
            f"{file}: the column {name!r} has a value in the rows {first:,} to {first + len(column) - 1:,} that cannot "
            "be sent, such as a time beyond the year 9999 or a map with a name twice: correct it, or leave it out"
        ) from fault
