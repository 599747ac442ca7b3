"""Read CSV as Amperity, spreadsheets and databases write it (RFC 4180), row by row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from typing import Final

from mappings.identifiers import EMAIL, EXTERNAL_ID, PHONE
from snapshots.lines import texts
from snapshots.persons import Described, identifier
from snapshots.rows import Unreadable

#: The most frequent one in the header wins; of equally frequent ones, the first here.
_DELIMITERS: Final = ",;\t"
_IDENTIFIERS: Final = (EMAIL, PHONE, EXTERNAL_ID)


def described(pieces: Iterator[bytes]) -> Iterator[Described]:
    """Yield the customers of a CSV with a header. Raises Unreadable.

    Columns named like an identifier (`email`, `phone_number`, `external_id`, ...) contain it, the others contain
    attributes; an empty cell clears an attribute.
    """
    cells = table(pieces)
    # Messages name columns by number: if the header is missing, these cells are a person's.
    names = _names(next(cells, []))
    for number, row in enumerate(cells, start=1):
        known: dict[str, str] = {}
        attributes: dict[str, str] = {}
        for (is_identifier, name), cell in zip(names, row, strict=True):
            (known if is_identifier else attributes)[name] = cell
        yield Described(number, known, attributes)


def table(pieces: Iterator[bytes]) -> Iterator[list[str]]:
    """Yield header and rows, all of one length, without blank lines. Raises Unreadable naming the line."""
    texts_ = texts(pieces)
    first = next(texts_, "")
    # Not csv.Sniffer: it fails on a single column, and guesses the quotes although only the delimiter is unknown.
    reader = csv.reader(chain([first], texts_), delimiter=max(_DELIMITERS, key=first.count), strict=True)
    width = 0
    try:
        for row in reader:
            width = width or len(row)
            if len(row) != width and row:
                raise Unreadable(
                    f"line {reader.line_num:,} has {len(row)} cells and the header {width}: put cells that contain the "
                    "delimiter in quotes, and check that the file is complete"
                )
            if row:
                yield row
    except csv.Error as error:
        raise Unreadable(f"line {reader.line_num:,} is not valid CSV ({error}): export the file again") from error


def _names(header: list[str]) -> list[tuple[bool, str]]:
    """Return for each column whether it is an identifier, and its name: Klaviyo's for an identifier, else unchanged."""
    columns: dict[tuple[bool, str], int] = {}
    for number, cell in enumerate(header, start=1):
        name = cell.strip()
        if not name:
            raise Unreadable(f"column {number} has no name in the header: name it or remove the column")
        known = identifier(name)
        first = columns.setdefault((known is not None, known or name), number)
        if first != number:
            raise Unreadable(f"columns {first} and {number} have the same meaning: rename or remove one of them")
    if not any((True, name) in columns for name in _IDENTIFIERS):
        raise Unreadable("the first line must be a header with a column email, phone_number or external_id")
    return [*columns]
