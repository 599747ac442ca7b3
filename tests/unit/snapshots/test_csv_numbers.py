"""Ids and phones that a program has written into a CSV as fractions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mappings.columns import layout
from snapshots.csv_numbers import without_fractions
from snapshots.rows import Unreadable


def ids(*cells: str) -> list[str]:
    """The cells of a column of ids as they are read."""
    return [row[0] for row in without_fractions(([cell] for cell in cells), layout(["external_id"]))]


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (["123.0", "", "124.0"], ["123", "", "124"]),
        (["", " 123.0 ", "NULL", "5.0"], ["", "123", "NULL", "5"]),
        ([""] * 300 + ["123.0", "7.0"], [""] * 300 + ["123", "7"]),
        (["123", "007", ""], ["123", "007", ""]),
        # Text among them: they are no numbers.
        (["123.0", "c-5"], ["123.0", "c-5"]),
        (["3.0", "3.17", "3"], ["3.0", "3.17", "3"]),
        (["007.0", "8.0"], ["007.0", "8.0"]),
        (["9007199254740992.0", "8.0"], ["9007199254740992", "8"]),
        (["1e+16", "c-5"], ["1e+16", "c-5"]),
    ],
)
def test_a_column_of_fractions_alone_is_one_of_whole_numbers(cells: list[str], read: list[str]) -> None:
    assert ids(*cells) == read


@pytest.mark.parametrize(
    "cells",
    [
        ["123.0", "123"],
        ["123", "124", "125.0"],
        ["1.0"] * 300 + ["123"],
        ["1.0"] * 300 + ["c-5"],
        ["1"] * 300 + ["123.0"],
    ],
)
def test_ids_of_both_forms_refuse_the_file_because_they_may_be_two_people_or_one(cells: list[str]) -> None:
    with pytest.raises(Unreadable, match=r"^row \d+ has an external_id .* Write the ids in one form"):
        ids(*cells)


@pytest.mark.parametrize("cut", ["1.2345678901234568e+19", "1e+16", "9007199254740994.0", "1.23457E+11", "1,23457E+11"])
@pytest.mark.parametrize("others", [[], ["8.0"], ["8"], [""] * 300])
def test_ids_that_have_lost_digits_refuse_the_file_because_two_people_may_have_one(cut: str, others: list[str]) -> None:
    with pytest.raises(Unreadable, match=rf"^row {len(others) + 1} has an external_id "):
        ids(*others, cut)


def test_no_more_of_large_rows_is_kept_in_memory_than_a_few() -> None:
    read = list[int]()

    def large() -> Iterator[list[str]]:
        for number in range(300):
            read.append(number)
            yield [f"{number + 1}.0", "x" * 1_000_000]

    rows = without_fractions(large(), layout(["external_id", "note"]))
    assert next(rows)[0] == "1"
    assert len(read) < 10
    assert [row[0] for row in rows] == [str(number) for number in range(2, 301)]


def test_other_columns_stay_as_they_are() -> None:
    rows = [["ann@example.com", "123.0"]]
    assert [*without_fractions(iter(rows), layout(["email", "plan"]))] == rows
