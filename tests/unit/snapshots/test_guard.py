from __future__ import annotations

import pytest

from queues.snapshots.orders import Counts
from snapshots.plan import verdict


@pytest.mark.parametrize(
    ("people", "held", "removals", "percent", "asks"),
    [
        (0, 0, 0, 30, False),
        (0, 1, 1, 100, True),
        (1, 100, 100, 0, False),
        (1, 101, 31, 30, True),
        (1, 200, 60, 30, False),
        (1, 200, 61, 30, True),
        (1, 200, 1, 0, True),
        (1, 200, 0, 0, False),
        (1, 200, 200, 100, False),
        (500, 0, 0, 0, False),
    ],
)
def test_a_person_is_asked_when_a_list_would_be_emptied_or_lose_too_many(
    people: int, held: int, removals: int, percent: int, asks: bool
) -> None:
    assert (verdict(Counts(people=people, held=held, removals=removals), percent) is not None) == asks


def test_the_reason_names_the_numbers() -> None:
    assert verdict(Counts(people=1, held=12_000, removals=6_001), 30) == (
        "the snapshot takes 6,001 of 12,000 people off the list: 50.0 %, and max_removal_percent is 30"
    )
    assert verdict(Counts(held=12_000, removals=1), 30) == (
        "the snapshot contains nobody who can be sent, and the list has 12,000 people"
    )
