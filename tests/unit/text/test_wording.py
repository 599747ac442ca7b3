from __future__ import annotations

import pytest

from text.wording import day_and_time, duration, moment, number, plural


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (-5, "0 s"),
        (999, "0 s"),
        (59_999, "59 s"),
        (60_000, "1 min"),
        (3_599_999, "59 min"),
        (3_600_000, "1 h 0 min"),
        (57_540_000, "15 h 59 min"),
        (86_400_000, "1 d 0 h"),
        (97_200_000, "1 d 3 h"),
    ],
)
def test_a_duration_has_its_largest_units_and_never_breaks_over_lines(ms: int, words: str) -> None:
    assert duration(ms) == words.replace(" ", "\u00a0")


def test_a_time_says_its_day_unless_it_is_today() -> None:
    now = 1_767_225_600_000 + 36_000_000  # 2026-01-01T10:00Z
    assert [day_and_time(now - hours * 3_600_000, now) for hours in (1, 11, 48)] == [
        "09:00",
        "Yesterday 23:00",
        "30 Dec 10:00",
    ]


def test_a_moment_is_iso_8601_in_utc() -> None:
    assert moment(1_767_225_599_042) == "2025-12-31T23:59:59.042Z"
    assert moment(None) is None


def test_numbers_have_commas_and_one_is_singular() -> None:
    assert number(12_345) == "12,345"
    assert [plural(0, "change"), plural(1, "change"), plural(1000, "change")] == [
        "0 changes",
        "1 change",
        "1,000 changes",
    ]
    assert plural(2, "batch", "batches") == "2 batches"
