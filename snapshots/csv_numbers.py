"""Numbers in the id column of a CSV that a program has written as fractions: `123.0` for 123.

pandas does so with a column of numbers that has a blank. Whether it did, only the whole column says: an id may be the
text `123.0`. The beginning of the file decides, and a later cell that contradicts it refuses the file: otherwise one
id would be two people, or two ids one person. So does a number that has lost its last digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Final, Literal

from identity.blocked import DEFAULT
from mappings.columns import ColumnTarget
from mappings.identifiers import EXTERNAL_ID
from snapshots.rows import Unreadable

#: Rows by which the kind of a column is decided, and their characters: a row may have a million.
_FIRST: Final = 200
_MOST: Final = 4_000_000
_FRACTION: Final = re.compile(r"\s*([1-9]\d{0,15})\.0\s*")
_WHOLE: Final = re.compile(r"\s*\d+\s*")
#: How pandas and Excel write a number that has lost its last digits: `1.2345678901234568e+19`, `1.23457E+11`.
_CUT: Final = re.compile(r"\s*[1-9](?:[.,]\d+)?[eE]\+\d\d\s*")
#: From here on a fraction has not every whole number.
_EXACT: Final = 2**53
#: cut: a number that has lost digits. fraction: `123.0`. whole: `123`. other: any other text, such as `c-1` and `3.17`.
_Kind = Literal["cut", "fraction", "whole", "other"]
_KINDS: Final[tuple[_Kind, ...]] = ("other", "cut", "fraction", "whole")


def without_fractions(rows: Iterator[list[str]], targets: Sequence[ColumnTarget]) -> Iterator[list[str]]:
    """Yield the rows with ids as whole numbers where a program has written fractions. Raises Unreadable.

    `targets`: what each column becomes.
    """
    ids = [place for place, target in enumerate(targets) if target[:2] == ("identifier", EXTERNAL_ID)]
    if not ids:
        yield from rows
        return
    first = _beginning(rows)
    kinds = {place: _kind(row[place] for row in first) for place in ids}
    for number, row in enumerate(chain(first, rows), start=1):
        for place in ids:
            kind = kinds[place] = kinds[place] or _of_cell(row[place])
            if kind is not None and kind != "other":
                row[place] = _checked(row[place], kind, number)
        yield row


def _beginning(rows: Iterator[list[str]]) -> list[list[str]]:
    first, size = list[list[str]](), 0
    for row in islice(rows, _FIRST):
        first.append(row)
        size += sum(map(len, row))
        if size > _MOST:
            break
    return first


def _kind(cells: Iterator[str]) -> _Kind | None:
    """Return what a column has by its first cells, None if all are blank: with text among them, `123.0` is text."""
    found = {*map(_of_cell, cells)}
    # With fractions and whole numbers, the first whole number is refused.
    return next((kind for kind in _KINDS if kind in found), None)


def _of_cell(cell: str) -> _Kind | None:
    """Return the kind of a cell; None for one that says nothing."""
    if found := _FRACTION.fullmatch(cell):
        return "fraction" if int(found[1]) <= _EXACT else "cut"
    if _CUT.fullmatch(cell):
        return "cut"
    if not cell or DEFAULT.holds(EXTERNAL_ID, cell.strip()):
        return None
    return "whole" if _WHOLE.fullmatch(cell) else "other"


def _checked(cell: str, kind: _Kind, number: int) -> str:
    """Return the cell of an id as it is meant. Raises Unreadable if it is cut, or if the column has both forms."""
    form = _of_cell(cell)
    if form == "cut":
        raise Unreadable(
            f"row {number:,} has an {EXTERNAL_ID} that has lost its last digits, such as 1.2E+19, so that two people "
            "may have the same: write the ids as text or as whole numbers; pandas reads them whole with "
            "dtype={column: str}"
        )
    # A row before the one that is cut: that one refuses the file.
    if form is None or kind == "cut" or (kind == "whole" and form != "fraction"):
        return cell
    if kind == form:
        return cell.strip().removesuffix(".0")
    one, other = ("such as 123.0", "not") if form == "fraction" else ("of another form", "such as 123.0")
    raise Unreadable(
        f"row {number:,} has an {EXTERNAL_ID} {one}, and other rows {other}: 123.0 may be 123 or another id. Write the "
        "ids in one form, whole numbers without a fraction; in pandas df[column].astype('Int64')"
    )
