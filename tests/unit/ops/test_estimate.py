from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.sending import Proof
from klaviyo.calls import MAX_ROW_BYTES
from klaviyo.imports import MAX_ROWS
from ops.estimate import FITTING_BYTES, OURS, Estimate, Files, rows_of
from ops.export.columns import LARGEST


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


@pytest.mark.parametrize(
    ("profiles", "rows", "identity", "proof"),
    [(1, 100, 3, 1), (100, 100, 3, 1), (250, 100, 9, 3), (250, 10_000, 9, 3), (300, 150, 12, 4)],
)
def test_new_people_cost_three_look_ups_for_each_hundred_of_an_upload_and_one_of_the_list(
    profiles: int, rows: int, identity: int, proof: int
) -> None:
    found = Estimate(profiles, rows, asks=True, prove="all")
    assert (found.identity, found.proof) == (identity, proof)


@given(st.integers(1, 300_000), st.integers(1, 10_000))
def test_each_upload_is_looked_up_by_itself(profiles: int, rows: int) -> None:
    uploads = [min(rows, profiles - first) for first in range(0, profiles, rows)]
    hundreds = sum(-(-people // 100) for people in uploads)
    assert Estimate(profiles, rows, asks=True).identity == 3 * hundreds
    assert Estimate(profiles, rows, prove="all").proof == hundreds
    assert Estimate(profiles, rows, prove="sample").proof == len(uploads)


def test_known_people_and_those_who_are_not_looked_for_cost_no_look_up() -> None:
    assert (Estimate(1_000, 100, prove="all").identity, Estimate(1_000, 100, asks=True).proof) == (0, 0)


@pytest.mark.parametrize(
    ("rows", "asks", "prove", "limit", "minutes"),
    [
        (100, True, "all", "uploads", 10_000 / 135),
        (10_000, True, "all", "identity", 30_000 / 675),
        (10_000, False, "all", "proof", 10_000 / 675),
        (10_000, False, "sample", "uploads", 100 / 135),
        (10_000, False, "off", "uploads", 100 / 135),
    ],
)
def test_the_slowest_of_the_three_says_how_long_a_million_people_take(
    rows: int, asks: bool, prove: Proof, limit: str, minutes: float
) -> None:
    found = Estimate(1_000_000, rows, asks, prove)
    assert found.limit == limit
    assert math.isclose(found.minutes, minutes)
