"""Waits between two rings of one batch."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.errors import LAST_POLL_MS, LAST_RETRY_MS, poll_ms, retry_ms


def test_polls_grow_from_two_seconds_to_a_minute() -> None:
    waits = [poll_ms(n) for n in range(12)]
    assert waits[:3] == [2000, 3000, 4500]
    assert waits[-1] == LAST_POLL_MS == 60_000
    assert waits == sorted(waits)


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_retry_waits_within_its_growing_span_and_never_beyond_the_cap(faults: int, chance: float) -> None:
    assert 100 <= retry_ms(faults, None, chance) <= min(LAST_RETRY_MS, 2_000 * 2 ** min(faults, 20)) + 100


@given(st.integers(0, 50), st.floats(0, 3600), st.floats(0, 1, exclude_max=True))
def test_a_retry_never_comes_before_klaviyo_asked_for_it(faults: int, after_s: float, chance: float) -> None:
    assert after_s * 1000 - 1 <= retry_ms(faults, after_s, chance) <= after_s * 1000 + 1001
