"""CSV as Amperity, spreadsheets and databases write it (RFC 4180), row by row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from typing import Final

from mappings.identifiers import EMAIL, EXTERNAL_ID, PHONE
from snapshots.lines import texts
from snapshots.persons import Described, identifier
from snapshots.rows import Unreadable

#: Of equal frequency the first.
_DELIMITERS: Final = ",;\t"
_IDENTIFIERS: Final = (EMAIL, PHONE, EXTERNAL_ID)


def described(pieces: Iterator[bytes]) -> Iterator[Described]:
    """The customers of a CSV with a header. Raises Unreadable.

    The columns named like an identifier (`email`, `phone_number`, `external_id`, ...) hold it, the others attributes;
    an empty cell clears one.
    """
    cells = table(pieces)
    # Its cells are no person's, unless the header was forgotten: so messages name columns by their numbers.
    names = _names(next(cells, []))
    for number, row in enumerate(cells, start=1):
        known: dict[str, str] = {}
        attributes: dict[str, str] = {}
        for (is_identifier, name), cell in zip(names, row, strict=True):
            (known if is_identifier else attributes)[name] = cell
        yield Described(number, known, attributes)


def table(pieces: Iterator[bytes]) -> Iterator[list[str]]:
    """Header and rows, all of one length; blank lines are passed over. Raises Unreadable naming the line."""
    texts_ = texts(pieces)
    first = next(texts_, "")
    # Not csv.Sniffer: it fails on a single column, and guesses quotes where only the delimiter is open.
    reader = csv.reader(chain([first], texts_), delimiter=max(_DELIMITERS, key=first.count), strict=True)
    width = 0
    try:
        for row in reader:
            width = width or len(row)
            if len(row) != width and row:
                raise Unreadable(
                    f"line {reader.line_num:,} has {len(row)} cells and the header {width}: put cells that hold the "
                    "delimiter in quotes, and see whether the file is whole"
                )
            if row:
                yield row
    except csv.Error as error:
        raise Unreadable(f"line {reader.line_num:,} is no CSV ({error}): export the file again") from error


def _names(header: list[str]) -> list[tuple[bool, str]]:
    """For each column whether it holds an identifier, and its name: Klaviyo's then, else as it stands."""
    columns: dict[tuple[bool, str], int] = {}
    for number, cell in enumerate(header, start=1):
        name = cell.strip()
        if not name:
            raise Unreadable(f"column {number} has no name in the header: name it, or leave it out")
        known = identifier(name)
        first = columns.setdefault((known is not None, known or name), number)
        if first != number:
            raise Unreadable(f"columns {first} and {number} are both read as one: rename one of them, or leave it out")
    if not any((True, name) in columns for name in _IDENTIFIERS):
        raise Unreadable("the header, which must be the first line, names no email, phone_number or external_id")
    return [*columns]
