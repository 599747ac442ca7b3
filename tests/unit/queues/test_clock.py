"""Whose clock is off, and by how much, whatever time the question takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queues.clock import difference

AT = 1_800_000_000_000
slow = st.integers(0, 60_000)


@given(began=slow, passes=slow, answers=st.floats(0, 1))
def test_an_answer_within_the_question_shows_no_difference(began: int, passes: int, answers: float) -> None:
    assert difference(AT + began, AT + began + round(passes * answers), AT + began + passes) == 0


@given(off=st.integers(-200_000, 200_000), passes=st.integers(0, 1_000), answers=st.floats(0, 1))
def test_a_difference_is_never_exaggerated_and_at_most_the_questions_length_too_small(
    off: int, passes: int, answers: float
) -> None:
    found = difference(AT + off, AT + round(passes * answers), AT + off + passes)
    assert abs(off) - passes <= abs(found) <= abs(off)
    assert found == 0 or (found > 0) == (off > 0)


@pytest.mark.parametrize("off", [150_000, -150_000])
def test_a_machine_that_is_ahead_has_a_positive_difference(off: int) -> None:
    assert difference(AT + off, AT, AT + off) == off
