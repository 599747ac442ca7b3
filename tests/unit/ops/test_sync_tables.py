"""Parquet files and workbooks as lines of JSON."""

from __future__ import annotations

import json
import math
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow
import pytest
from pyarrow import parquet

from ops.errors import Failed
from ops.sync.source import source
from ops.sync.view import fields_left_out


def read(file: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in b"".join(source(file, None, "42").pieces).splitlines()]


def written(folder: Path, table: Any) -> str:
    parquet.write_table(table, folder / "vips.parquet")
    return str(folder / "vips.parquet")


def test_times_of_any_precision_maps_and_decimals_of_parquet_become_values(tmp_path: Path) -> None:
    table = pyarrow.table(
        {
            "email": ["a@example.com"],
            "seen": pyarrow.array([1_767_323_045_123_456_789], pyarrow.timestamp("ns", "UTC")),
            "day": pyarrow.array([1], pyarrow.date32()),
            "at": pyarrow.array([1_000_000_001], pyarrow.time64("ns")),
            "sizes": pyarrow.array([[("s", 1), ("m", 2)]], pyarrow.map_(pyarrow.string(), pyarrow.int64())),
            "ltv": pyarrow.array([Decimal("12.50")]),
            "kind": pyarrow.array(["x"]).dictionary_encode(),
        }
    )
    assert read(written(tmp_path, table)) == [
        {
            "email": "a@example.com",
            "seen": "2026-01-02T03:04:05.123456Z",
            "day": "1970-01-02",
            "at": "00:00:01",
            "sizes": {"s": 1, "m": 2},
            "ltv": 12.5,
            "kind": "x",
        }
    ]


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (pyarrow.array([300_000_000_000_000_000], pyarrow.timestamp("us")), r"'x' has a value in the rows 1 to 1"),
        (pyarrow.array([b"\x00"]), r"'x' has bytes"),
        (pyarrow.array([b"\x00"], pyarrow.large_binary()), r"'x' has bytes"),
        (pyarrow.array([b"\x00"], pyarrow.binary(1)), r"'x' has bytes"),
        (pyarrow.array([[("a", b"\x00")]], pyarrow.map_(pyarrow.string(), pyarrow.binary())), r"'x' has bytes"),
        (pyarrow.array([[{"a": b"\x00"}]]), r"'x' has bytes"),
        (pyarrow.array([b"\x00"]).dictionary_encode(), r"'x' has bytes"),
    ],
)
def test_a_parquet_column_that_json_cannot_express_is_refused_by_name(column: Any, says: str, tmp_path: Path) -> None:
    file = written(tmp_path, pyarrow.table({"email": ["a@example.com"], "x": column}))
    with pytest.raises(Failed, match=says):
        read(file)


def test_numbers_of_parquet_are_those_of_a_query_and_what_json_cannot_express_is_left_out_and_counted(
    tmp_path: Path,
) -> None:
    table = pyarrow.table(
        {
            "email": ["a@example.com", "b@example.com", "c@example.com"],
            "ltv": [math.nan, 1.5, math.inf],
            "n": [2**53 + 1, None, 7],
            "sizes": [[1.0, math.nan], [2.0], None],
            "kind": pyarrow.array([1.5, math.nan, 1.5]).dictionary_encode(),
        }
    )
    found = source(written(tmp_path, table), None, "42")
    assert [json.loads(line) for line in b"".join(found.pieces).splitlines()] == [
        {"email": "a@example.com", "n": "9007199254740993", "kind": 1.5},
        {"email": "b@example.com", "ltv": 1.5, "n": None, "sizes": [2.0]},
        {"email": "c@example.com", "n": 7, "sizes": None, "kind": 1.5},
    ]
    reason = "number_not_finite"
    assert found.left_out == {"ltv": {reason: 2}, "sizes": {reason: 1}, "kind": {reason: 1}}


def test_two_parquet_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    table = pyarrow.Table.from_arrays([pyarrow.array(["a"]), pyarrow.array(["b"])], names=["email", "email"])
    with pytest.raises(Failed, match="2 columns named 'email'"):
        read(written(tmp_path, table))


def workbook(folder: Path, *rows: tuple[Any, ...]) -> str:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.create_sheet("Notes").append(["not", "read"])
    book.save(folder / "vips.xlsx")
    return str(folder / "vips.xlsx")


def test_the_first_sheet_of_a_workbook_becomes_lines_of_json(tmp_path: Path) -> None:
    file = workbook(
        tmp_path,
        (None,),
        ("Email", "Customer ID", "Since", "Seen", "Gold", "Spent", None),
        ("a@example.com", 17.0, date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5), True, 12.5, None),  # noqa: DTZ001
        (None, None),
        ("b@example.com",),
    )
    assert source(file, None, "42").kind == "xlsx"
    assert read(file) == [
        {
            "Email": "a@example.com",
            "Customer ID": 17,
            "Since": "2026-01-02",
            "Seen": "2026-01-02T03:04:05",
            "Gold": True,
            "Spent": 12.5,
        },
        dict.fromkeys(["Email", "Customer ID", "Since", "Seen", "Gold", "Spent"]) | {"Email": "b@example.com"},
    ]


def test_a_number_of_which_excel_keeps_only_15_digits_is_left_out_of_its_row_and_counted(tmp_path: Path) -> None:
    file = workbook(
        tmp_path,
        ("email", "customer_id", "card"),
        ("a@example.com", 12345678901234567890, 10.0**15),
        ("b@example.com", 999_999_999_999_999, "1234567890123456"),
    )
    found = source(file, None, "42")
    assert [json.loads(line) for line in b"".join(found.pieces).splitlines()] == [
        {"email": "a@example.com"},
        {"email": "b@example.com", "customer_id": 999_999_999_999_999, "card": "1234567890123456"},
    ]
    assert found.left_out == {name: {"number_over_15_digits": 1} for name in ("customer_id", "card")}
    assert "format the column as text" in next(fields_left_out(found.left_out))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "the first sheet is empty"),
        ([("email", None, "city")], "column 2 has no name"),
        ([("email", "email")], "2 columns named 'email'"),
        ([("email",), ("a@example.com", "Oslo")], "a row has 2 cells and the header 1"),
    ],
)
def test_a_workbook_without_a_clear_header_is_refused(rows: list[tuple[Any, ...]], says: str, tmp_path: Path) -> None:
    file = workbook(tmp_path, *rows)
    with pytest.raises(Failed, match=says):
        read(file)


def test_what_is_no_workbook_is_refused_and_without_openpyxl_the_message_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vips.xlsx").write_bytes(b"email\n")
    with pytest.raises(Failed, match=r"vips\.xlsx cannot be read as a workbook"):
        read(str(tmp_path / "vips.xlsx"))
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(Failed, match=r"-r requirements-xlsx\.txt$"):
        read(str(tmp_path / "vips.xlsx"))
