from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.attributes import coerce


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("0", 0),
        ("-3", -3),
        ("123456789012345", 123456789012345),
        ("12.5", 12.5),
        ("-0.25", -0.25),
        ("12.50", 12.5),
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("2024-05-01", "2024-05-01 00:00:00"),
        ("2024-05-01T10:00", "2024-05-01 10:00:00"),
        ("2024-05-01 10:00:07", "2024-05-01 10:00:07"),
        ("2024-05-01T10:00:07.123456789Z", "2024-05-01 10:00:07"),
        ("2024-05-01T10:00:07+02:00", "2024-05-01 08:00:07"),
        ("2024-01-01T00:30:00+0100", "2023-12-31 23:30:00"),
        ("0987-05-01", "0987-05-01 00:00:00"),
    ],
)
def test_text_with_one_obvious_reading_is_turned(text: str, value: object) -> None:
    result = coerce(text)
    assert (result, type(result)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 12",
        "007",
        "-007",
        "+1",
        "-0",
        "1e5",
        "1,000",
        "1_000",
        ".5",
        "5.",
        "0x10",
        "NaN",
        "inf",
        "٣",
        "1.2.3",
        "1234567890123456",
        "1.234567890123456",
        "yes",
        "t",
        "null",
        "2024-02-30",
        "2024-5-1",
        "05/01/2024",
        "2024-05-01T25:00:00",
        "2024-05-01T10:00:00 UTC",
        "0001-01-01T00:00:00+14:00",
        "2024-W01",
    ],
)
def test_text_with_no_obvious_reading_stays(text: str) -> None:
    assert coerce(text) == text
    assert type(coerce(text)) is str


@given(st.integers(min_value=-(10**15) + 1, max_value=10**15 - 1))
def test_every_integer_of_fifteen_digits_keeps_its_value(number: int) -> None:
    assert coerce(str(number)) == number


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_moment_in_utc_keeps_its_second(moment: datetime) -> None:
    text = coerce(moment.isoformat())
    assert isinstance(text, str)
    assert datetime.fromisoformat(text).replace(tzinfo=UTC) == moment.replace(microsecond=0)
