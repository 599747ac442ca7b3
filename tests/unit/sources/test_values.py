"""What values of databases become in JSON."""

from __future__ import annotations

import json
import math
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import ip_address
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configuration.queries import Query
from sources.values import INFINITE, BinaryValue, LeftOut, RowReader, identifier, plain, read_json

BERLIN = ZoneInfo("Europe/Berlin")
UUID_TEXT = "0b5c4d3f-7a1e-4c66-9d2c-9a8b7e4f3051"


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        (None, None),
        ("", ""),
        ("Å", "Å"),
        (True, True),
        (2**53, 2**53),
        (2**53 + 1, "9007199254740993"),
        (-(2**63), "-9223372036854775808"),
        (1.5, 1.5),
        (Decimal("10.50"), Decimal("10.50")),
        (Decimal(2**53 + 1), "9007199254740993"),
        (date(2026, 12, 1), "2026-12-01"),
        (date(9999, 12, 31), "9999-12-31"),
        (time(10, 30), "10:30:00"),
        (timedelta(days=3), "3 days, 0:00:00"),
        (UUID(UUID_TEXT), UUID_TEXT),
        (ip_address("10.0.0.1"), "10.0.0.1"),
        (datetime(2026, 12, 1, 9, 30, tzinfo=UTC), "2026-12-01T09:30:00Z"),
        (datetime(2026, 12, 1, 9, 30, tzinfo=timezone(timedelta(hours=-5))), "2026-12-01T14:30:00Z"),
        (datetime(2026, 12, 1, 9, 30), "2026-12-01T08:30:00Z"),  # noqa: DTZ001
        (datetime(2026, 7, 1, 9, 30), "2026-07-01T07:30:00Z"),  # noqa: DTZ001
        ({"a": [1, None]}, {"a": [1, None]}),
        (("a", date(2026, 1, 2)), ["a", "2026-01-02"]),
    ],
)
def test_a_value_becomes_what_json_has(value: Any, becomes: Any) -> None:
    assert plain(value, BERLIN) == becomes
    assert type(plain(value, BERLIN)) is type(becomes)


def test_half_a_character_in_json_of_a_database_is_marked_and_the_row_can_be_written() -> None:
    read = read_json(r'{"a": ["x\ud83d", "\ud83d\ude00", "\\ud83d"]}')
    assert msgspec.json.decode(msgspec.json.encode(read)) == {"a": ["x\ufffd", "\U0001f600", "\\ud83d"]}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (math.nan, "number_not_finite"),
        (-math.inf, "number_not_finite"),
        (Decimal("NaN"), "number_not_finite"),
        (Decimal("Infinity"), "number_not_finite"),
        (10**400, "number_not_finite"),
        (Decimal("1E+400"), "number_not_finite"),
        ({"a": [read_json("1e400"), 1]}, "number_not_finite"),
        (read_json(f'{{"a": 1{"0" * 5_000}}}'), "number_not_finite"),
        (INFINITE, "time_out_of_range"),
        (datetime.max, "time_out_of_range"),  # noqa: DTZ901
        (datetime(1, 1, 1, 0, 30), "time_out_of_range"),  # noqa: DTZ001
        ([1, math.nan], "number_not_finite"),
        ({"a": INFINITE}, "time_out_of_range"),
    ],
)
def test_a_value_that_json_cannot_express_is_left_out_with_a_reason(value: Any, reason: str) -> None:
    with pytest.raises(LeftOut, match=reason):
        plain(value, BERLIN)


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        (7, "7"),
        (123.0, "123"),
        (Decimal("123.00"), "123"),
        (Decimal("1E+200"), "1E+200"),
        (1.5, "1.5"),
        ("007", "007"),
        (None, None),
        (["a@example.com", "b@example.com"], ["a@example.com", "b@example.com"]),
        (UUID(UUID_TEXT), UUID_TEXT),
    ],
)
def test_an_identifier_is_text(value: Any, becomes: Any) -> None:
    assert identifier(value, BERLIN) == becomes


def rows(
    names: list[str], batch: list[list[Any]], **options: Any
) -> tuple[list[dict[str, Any]], dict[str, Counter[str]]]:
    left_out: dict[str, Counter[str]] = {}
    query = Query("vips", "shop", table="people", **options)
    return RowReader(query, "UTC", names, left_out).rows(batch), left_out


def row(names: list[str], cells: list[Any], **options: Any) -> tuple[dict[str, Any], dict[str, Counter[str]]]:
    (found,), left_out = rows(names, [cells], **options)
    return found, left_out


def test_a_cell_that_is_left_out_is_counted_and_is_not_null() -> None:
    assert row(["EMAIL", "ltv", "n"], ["a@example.com", math.nan, 1]) == (
        {"EMAIL": "a@example.com", "n": 1},
        {"ltv": {"number_not_finite": 1}},
    )


def test_a_cell_that_is_left_out_takes_nothing_from_the_other_rows() -> None:
    batch: list[list[Any]] = [["a@example.com", 1], [None, math.nan], ["c@example.com", "3"]]
    assert rows(["email", "n"], batch)[0] == [
        {"email": "a@example.com", "n": 1},
        {"email": None},
        {"email": "c@example.com", "n": "3"},
    ]
    assert rows(["email", "n"], batch, null="keep")[0][1] == {}


def test_null_clears_unless_the_query_keeps() -> None:
    assert row(["email", "city"], ["a@example.com", None])[0] == {"email": "a@example.com", "city": None}
    assert row(["email", "city"], ["a@example.com", None], null="keep")[0] == {"email": "a@example.com"}


def test_the_columns_that_the_query_names_are_identifiers() -> None:
    assert row(["contact", "user_no"], ["a@example.com", 17], columns={"external_id": "USER_NO"})[0] == {
        "contact": "a@example.com",
        "user_no": "17",
    }


@pytest.mark.parametrize("value", [b"x", bytearray(b"x"), memoryview(b"x"), [b"x"]])
def test_bytes_are_refused_with_their_column(value: Any) -> None:
    with pytest.raises(BinaryValue) as refused:
        row(["email", "photo"], ["a@example.com", value])
    assert refused.value.column == "photo"


ANY = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(), st.text()),
        *(st.dates(), st.times(), st.datetimes(), st.datetimes(timezones=st.timezones()), st.timedeltas(), st.uuids()),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(ANY)
def test_whatever_is_not_left_out_is_json_that_every_program_reads_exactly(value: Any) -> None:
    for convert in (plain, identifier):
        try:
            found = convert(value, BERLIN)
        except LeftOut:
            continue
        text = msgspec.json.Encoder(decimal_format="number").encode(found)
        again = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        for number in numbers(again):
            assert not isinstance(number, int) or abs(number) <= 2**53


def numbers(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [each for inner in value.values() for each in numbers(inner)]
    if isinstance(value, list):
        return [each for inner in value for each in numbers(inner)]
    return [value] if isinstance(value, int | float) else []
