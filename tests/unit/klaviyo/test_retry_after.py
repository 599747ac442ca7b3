"""Retry-After in each of its forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klaviyo.responses import LONGEST_S, parse_retry_after

#: Fri, 15 Jan 2027 08:00:00 GMT.
NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("1", 1.0),
        (" 30 ", 30.0),
        ("2.5", 2.5),
        ("999999999", LONGEST_S),
        ("Fri, 15 Jan 2027 08:00:07 GMT", 7.0),
        ("Fri, 15 Jan 2027 09:00:07 +0100", 7.0),
        ("Fri, 15 Jan 2027 07:59:00 GMT", 0.0),
        ("Fri, 15 Jan 2100 08:00:00 GMT", LONGEST_S),
        (None, None),
        ("", None),
        ("-1", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("1,5", None),
        ("\u0661", None),
        ("Fri, 99 Jan 2027 08:00:07 GMT", None),
        ("Fri, 15 Jan 2027 08:00:07 -0000", None),
        ("Fri, 15 Jan 99999999999999999999 08:00:07 GMT", None),
    ],
)
def test_retry_after_is_read_in_seconds(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@given(st.text(max_size=60))
def test_no_header_whatever_makes_a_worker_wait_longer_than_a_day(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= LONGEST_S
