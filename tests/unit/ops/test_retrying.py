"""A command waits for Klaviyo's limits as long as it takes, and for nothing else for ever."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from klaviyo.errors import NotAccepted, Throttled
from klaviyo.outcomes import HoldNeeded, Outcome, Retry
from ops.errors import Failed
from ops.retries import with_retries


def failing(*outcomes: Outcome | Exception) -> Callable[[], str]:
    """Raises these, one after another, then answers."""
    left = list(outcomes)

    def ask() -> str:
        if not left:
            return "answer"
        first = left.pop(0)
        raise first if isinstance(first, Exception) else NotAccepted("get_profiles", first)

    return ask


def _no_sleep(seconds: float) -> None:
    pytest.fail(f"slept {seconds} s")


def test_limits_are_waited_for_as_long_as_they_say_and_however_often() -> None:
    slept: list[float] = []
    waits: list[Outcome | Exception] = [Throttled("get_profiles", 59.0), Retry(2.0, counts=False, why="throttled")]
    assert with_retries(failing(*waits * 50), slept.append) == "answer"
    assert slept == [59.0, 2.0] * 50


def test_passing_faults_are_waited_out_with_growing_pauses() -> None:
    slept: list[float] = []
    faults = [Retry(None, counts=True, why="http_503"), Retry(None, counts=False, why="no_answer")]
    assert with_retries(failing(*faults), slept.append) == "answer"
    assert slept == [2.0, 4.0]


@pytest.mark.parametrize("counts", [True, False])
def test_a_fault_that_does_not_pass_is_given_up(counts: bool) -> None:
    slept: list[float] = []
    with pytest.raises(Failed, match="get_profiles is to be retried"):
        with_retries(failing(*[Retry(None, counts=counts, why="connection_lost")] * 99), slept.append)
    assert len(slept) == 5


def test_what_waiting_does_not_change_is_said_at_once_with_the_remedy() -> None:
    with pytest.raises(Failed, match=r"is refused \(bad_key\)\. Create a new key"):
        with_retries(failing(HoldNeeded("connection", "bad_key", "Create a new key.")), _no_sleep)


def test_a_page_is_not_made_to_wait_for_long() -> None:
    slept: list[float] = []
    wait = Throttled("get_profiles", 2.0)
    assert with_retries(failing(wait, wait), slept.append, most_s=4.0) == "answer"
    assert slept == [2.0, 2.0]
    with pytest.raises(Failed, match="get_profiles is to be retried in 59 s"):
        with_retries(failing(Throttled("get_profiles", 59.0)), _no_sleep, most_s=4.0)
