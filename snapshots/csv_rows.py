"""Read CSV as Amperity, spreadsheets and databases write it (RFC 4180), row by row."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import chain
from typing import Final, Literal

from mappings.columns import ColumnError, ColumnPlaces, ColumnSettings, ColumnTarget, layout, recognised
from snapshots.csv_numbers import without_fractions
from snapshots.customers import Described, describe
from snapshots.lines import MAX_LINE, texts
from snapshots.report import ReadReport, is_shown
from snapshots.rows import Selection, Unreadable

# Python's limit of 131,072 characters is below what Klaviyo takes as one property with escapes.
csv.field_size_limit(MAX_LINE)

#: The first one that makes the header fit best is the file's.
_DELIMITERS: Final = (",", ";", "\t", "|")
#: The line with which Excel names the delimiter.
_SEP: Final = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
#: Cells of a header that messages show, and what they hide: if the header is missing, the cells are a person's data.
_SHOWN: Final = 8
_DATA: Final = re.compile(r"@|\d{3}")


def described(
    pieces: Iterator[bytes], settings: ColumnSettings, selection: Selection, report: ReadReport
) -> Iterator[Described]:
    """Yield the customers of a CSV with a header; an empty cell clears an attribute. Raises Unreadable."""
    header, targets, rows = columns_and_rows(pieces, settings)
    selection.note(report, header, targets)
    places = ColumnPlaces.of(targets)
    for number, row in enumerate(rows, start=1):
        yield describe(number, row, places, report)


def columns_and_rows(
    pieces: Iterator[bytes], settings: ColumnSettings
) -> tuple[list[str], list[ColumnTarget], Iterator[list[str]]]:
    """Return the header, what its columns become, and the rows, with ids as they are meant. Raises Unreadable."""
    cells = table(pieces)
    header = next(cells, [])
    targets = _targets([cell.strip() for cell in header], settings)
    return header, targets, without_fractions(cells, targets)


def table(pieces: Iterator[bytes]) -> Iterator[list[str]]:
    """Yield header and rows, all of one length, without blank lines. Raises Unreadable naming the line."""
    source = _Lines(texts(pieces))
    first, delimiter = _beginning(source)
    reader = csv.reader(chain([first], source), delimiter=delimiter, strict=True)
    header: list[str] = []
    try:
        for row in reader:
            header = header or row
            if len(row) != len(header) and any(row):
                raise Unreadable(
                    f"line {source.first:,} has {len(row)} cells and the header {len(header)}: put cells that contain "
                    "the delimiter in quotes, and check that the file is complete"
                )
            if any(row):
                yield row
            source.begin()
    except csv.Error as error:
        raise Unreadable(_fault(source, header, delimiter, error)) from error


class _Lines:
    """The lines of a CSV. `first`: number of the line in which the current row begins; `row`: its lines so far."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._number = 0
        self.first = 1
        self.row: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._number += 1
        self.row.append(line)
        return line

    def begin(self) -> None:
        """Begin the next row."""
        self.first = self._number + 1
        self.row.clear()


def _beginning(lines: _Lines) -> tuple[str, str]:
    """Return the first line of the header and the delimiter; lines before it may be blank or name the delimiter."""
    for line in lines:
        if found := _SEP.fullmatch(line):
            lines.begin()
            return next(lines, ""), found[1]
        if line.strip(" \t\r\n"):
            return line, max(_DELIMITERS, key=lambda delimiter: _fit(line, delimiter))
        lines.begin()
    return "", _DELIMITERS[0]


def _fit(line: str, delimiter: str) -> tuple[bool, int]:
    """Return how well a delimiter splits the header: whether an identifier is found, and the number of cells."""
    # Not csv.Sniffer: it fails on a single column, and guesses the quotes although only the delimiter is unknown.
    cells = next(csv.reader([line], delimiter=delimiter), [])
    return any(recognised(cell.strip()).kind == "identifier" for cell in cells), len(cells)


def _fault(source: _Lines, header: list[str], delimiter: str, error: csv.Error) -> str:
    """Return the message for a row that is not valid CSV, with the line and the column of the faulty cell."""
    line, column, kind = _faulty_cell("".join(source.row), delimiter)
    place = f"line {source.first + line:,}, column {column}"
    if column <= len(header) and is_shown(header[column - 1]) and not _DATA.search(header[column - 1]):
        place += f" ({header[column - 1].strip()})"
    if kind == "text":
        return f"{place}: text follows the closing quote of a cell: write a quote within a cell twice"
    if kind == "open":
        return (
            f"{place}: a quote is opened there and not closed, or the cell is longer than {MAX_LINE:,} characters: "
            "close it, and check that the file is complete"
        )
    return f"{place} is not valid CSV ({error}): export the file again"


def _faulty_cell(text: str, delimiter: str) -> tuple[int, int, Literal["text", "open", ""]]:
    """Return the lines before the faulty cell of a row, its column from 1, and its fault."""
    cell = re.compile(rf'"((?:[^"]|"")*+)("?)([^{re.escape(delimiter)}\r\n]*)|[^{re.escape(delimiter)}\r\n]*')
    place, column = 0, 1
    while found := cell.match(text, place):
        before = text.count("\n", 0, place) + text.count("\r", 0, place) - text.count("\r\n", 0, place)
        if found[1] is not None and not found[2]:
            return before, column, "open"
        if found[3]:
            return before, column, "text"
        place, column = found.end() + 1, column + 1
        if place > len(text) or text[place - 1] in "\r\n":
            return before, column - 1, ""
    return 0, column, ""


def _targets(header: list[str], settings: ColumnSettings) -> list[ColumnTarget]:
    for number, name in enumerate(header, start=1):
        if not name:
            raise Unreadable(f"column {number} has no name in the header: name it or remove the column")
    try:
        targets = layout(header, settings)
    except ColumnError as error:
        raise Unreadable(str(error)) from error
    if not any(target.kind == "identifier" for target in targets):
        raise Unreadable(
            "the first line must be a header with a column email, phone_number or external_id; "
            f"{_seen(header)}. Name the column that has the addresses in the setting columns, or rename it"
        )
    return targets


def _seen(header: list[str]) -> str:
    """Return what the first line has, without what may be a person's data."""
    if not header:
        return "the file is empty"
    if any(_DATA.search(cell) or not is_shown(cell) for cell in header):
        return f"it has {len(header)} cells, which look like a person's data and not like the names of columns"
    more = ", …" if len(header) > _SHOWN else ""
    return f"it has: {', '.join(header[:_SHOWN])}{more}"
