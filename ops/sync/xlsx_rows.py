"""Read the first sheet of an Excel workbook as lines of JSON."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

from ops.errors import Failed
from ops.sync.parquet_rows import LeftOutCounts, check_names, encode, rows_of
from sources.values import LeftOut
from text.wording import missing_package

#: Rows in memory at a time.
_ROWS: Final = 1_000
#: Excel keeps 15 digits of a number: from here on the last ones may be others than those that were typed.
_CUT: Final = 10**15
DIGITS_LOST: Final = "number_over_15_digits"


def lines(file: Path, left_out: LeftOutCounts) -> Iterator[bytes]:
    """Yield NDJSON of up to 1,000 rows at a time, with a key for each column; an empty cell is null.

    Whole numbers have no fraction, dates are ISO 8601, and formulas count by their last result. A number of over 15
    digits is left out and counted in `left_out`. Raises Failed if openpyxl is not installed, and for a workbook or a
    header that cannot be read.
    """
    try:
        import openpyxl
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError as fault:
        raise Failed(missing_package("A workbook", "openpyxl", "xlsx")) from fault
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles, which do not matter here
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        try:
            yield from _pieces(file, book.worksheets[0], left_out)
        finally:
            book.close()
    except (BadZipFile, InvalidFileException, KeyError, IndexError, OSError) as fault:
        raise Failed(f"{file} cannot be read as a workbook. Save it again as .xlsx, or as CSV UTF-8.") from fault


def _pieces(file: Path, sheet: Any, left_out: LeftOutCounts) -> Iterator[bytes]:
    # Some programs write a wrong size of the sheet, by which the reader would cut it off.
    sheet.reset_dimensions()
    rows = (row for row in sheet.iter_rows(values_only=True) if any(cell not in (None, "") for cell in row))
    header = _header(file, next(rows, ()))
    while some := [_row(file, header, row) for row in islice(rows, _ROWS)]:
        yield encode(rows_of(header, [*zip(*some, strict=True)], left_out))


def _header(file: Path, cells: Sequence[Any]) -> list[str]:
    names = ["" if cell is None else str(cell).strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise Failed(f"{file}: the first sheet is empty; put the people on the first sheet, below a header")
    if "" in names:
        raise Failed(f"{file}: column {names.index('') + 1} has no name in the header: name it or remove the column")
    check_names(file, names)
    return names


def _row(file: Path, header: Sequence[str], cells: Sequence[Any]) -> list[Any]:
    """Return a value for each column; a LeftOut for one that is left out."""
    if any(cell not in (None, "") for cell in cells[len(header) :]):
        raise Failed(f"{file}: a row has {len(cells)} cells and the header {len(header)}: name the column or clear it")
    values = [*map(_value, cells[: len(header)])]
    return [*values, *[None] * (len(header) - len(values))]


def _value(cell: Any) -> Any:
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    if isinstance(cell, int | float) and abs(cell) >= _CUT:
        return LeftOut(DIGITS_LOST)
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell
