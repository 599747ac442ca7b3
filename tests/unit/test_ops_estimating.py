from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klaviyo.imports import MAX_ROW_BYTES, MAX_ROWS
from ops.columns import LARGEST
from ops.estimating import FITTING_BYTES, OURS, Estimate, Files, rows_of


@pytest.mark.parametrize(
    ("profiles", "rows", "uploads", "minutes"),
    [(1, 100, 1, 1 / 135), (100, 100, 1, 1 / 135), (101, 100, 2, 2 / 135), (1_000_000, 100, 10_000, 10_000 / 135)],
)
def test_uploads_and_minutes_follow_from_the_steady_limit(
    profiles: int, rows: int, uploads: int, minutes: float
) -> None:
    found = Estimate(profiles, rows)
    assert found.uploads == uploads
    assert math.isclose(found.minutes, minutes)


def test_a_tenth_of_the_limit_is_left_to_other_tools() -> None:
    assert (OURS.steady, OURS.burst) == (135, 9)


@given(st.integers(1, 100_000))
def test_the_largest_upload_fits_into_the_body_and_no_larger_one_would(size: int) -> None:
    rows = rows_of(size)
    assert rows * (size + 1) <= MAX_ROW_BYTES
    assert rows == MAX_ROWS or (rows + 1) * (size + 1) > MAX_ROW_BYTES


def test_profiles_of_the_fitting_size_are_the_largest_of_which_ten_thousand_go_at_once() -> None:
    assert rows_of(FITTING_BYTES) == MAX_ROWS
    assert rows_of(FITTING_BYTES + 1) < MAX_ROWS


@given(st.integers(1, 10_000_000), st.integers(1, 100_000))
def test_there_are_as_many_files_as_hold_everybody_and_no_more(profiles: int, size: int) -> None:
    files = Files(profiles, size).files
    fit = LARGEST // size
    assert (files - 1) * fit < profiles <= files * fit
