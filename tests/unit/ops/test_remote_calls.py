from __future__ import annotations

from collections.abc import Sequence

import pytest

from commands.flush import wait_for
from ops.actions import FlushRequest
from ops.client.http import portions
from queues.census import Census
from queues.names import Queue
from tests.support.ops import LAPSED, VIPS, counted


@pytest.mark.parametrize(
    ("names", "sizes"),
    [([], []), (["a"], [1]), (["a"] * 1_001, [500, 500, 1]), (["a" * 2_400] * 41, [20, 20, 1]), (["a" * 60_000], [1])],
    ids=["none", "one", "many", "long ones", "one too long"],
)
def test_names_go_in_as_few_requests_as_can_hold_them(names: list[str], sizes: list[int]) -> None:
    parts = list(portions(names))
    assert ([len(part) for part in parts], [name for part in parts for name in part]) == (sizes, names)


def test_a_wait_goes_on_while_the_census_is_too_old_to_know_the_queue() -> None:
    fresh = counted(accepted=5, taken=5, upto=5, delivered=5)
    looks = iter([Census(1, queues, {}, 1, {"box": "idle"}) for queues in ((), (), (fresh,))])
    wait_for(lambda _: next(looks), [FlushRequest(VIPS, 5, 5)], every_s=0)
    assert next(looks, None) is None, "it looked until it was settled"


def test_a_wait_looks_only_at_queues_that_are_not_done() -> None:
    done, later = counted(taken=5, upto=5), counted(LAPSED, taken=5, upto=5)
    looks = iter([(done, counted(LAPSED, taken=0, upto=5)), (later,)])
    asked: list[list[Queue]] = []

    def look(queues: Sequence[Queue]) -> Census:
        asked.append(list(queues))
        return Census(1, next(looks), {}, 1, {"box": "idle"})

    wait_for(look, [FlushRequest(VIPS, 5, 5), FlushRequest(LAPSED, 5, 5)], every_s=0)
    assert asked == [[VIPS, LAPSED], [LAPSED]]
