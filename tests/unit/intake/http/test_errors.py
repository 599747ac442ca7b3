"""What happens for every request is said now and then."""

from __future__ import annotations

import msgspec
import pytest

from intake.http.errors import RepeatedEvents, error_body


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_first_is_said_at_once_and_the_rest_together_when_it_is_time() -> None:
    clock = Clock()
    tally = RepeatedEvents(every=60.0, clock=clock)
    assert tally.count("a") == "1 a"
    assert tally.count("b") == ""
    clock.now = 59.9
    assert tally.count("a") == ""
    clock.now = 60.0
    assert tally.count("b") == "1 a, 2 b"
    clock.now = 130.0
    assert tally.count("b") == "1 b"


@pytest.mark.parametrize(
    ("status", "description", "code", "message"),
    [
        ("429 Too Many Requests", "Wait.", "too_many_requests", "A title. Wait."),
        ("404 Not Found", "", "not_found", "A title"),
    ],
)
def test_an_error_says_the_same_to_people_and_to_libraries(
    status: str, description: str, code: str, message: str
) -> None:
    told = msgspec.json.decode(error_body(status, "A title", description))
    assert told == {"error": {"title": "A title", "description": description}, "code": code, "message": message}
