"""Coalescing: what several changes of one person come to."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queues.change import Action, Body, Change
from worker.coalesce import coalesce


def change(action: Action, keys: str = "a", at: int = 0) -> Change:
    return Change(tuple(keys), 0, Body(action, at, "changes", "m", msgspec.Raw(b"{}")))


@pytest.mark.parametrize(
    ("actions", "membership", "written"),
    [
        (["add"], "add", [0]),
        (["remove"], "remove", []),
        (["update"], None, [0]),
        (["add", "remove"], "remove", []),
        (["remove", "add"], "add", [1]),
        # an attribute change after joining must not undo the joining
        (["add", "update"], "add", [0, 1]),
        (["update", "add"], "add", [0, 1]),
        # attributes of somebody who left are not written, unless they came later
        (["update", "remove"], "remove", []),
        (["remove", "update"], "remove", [1]),
        (["add", "remove", "add"], "add", [2]),
        (["update", "update"], None, [0, 1]),
    ],
)
def test_the_newest_membership_wins_and_attributes_since_the_last_removal_are_kept(
    actions: list[Action], membership: Literal["add", "remove"] | None, written: list[int]
) -> None:
    (intent,) = coalesce([change(action, at=i) for i, action in enumerate(actions)])
    assert (intent.membership, intent.written) == (membership, written)
    assert intent.last == len(actions) - 1


def test_the_cdps_timestamp_counts_before_the_order_of_arrival() -> None:
    (intent,) = coalesce([change("remove", at=2), change("add", at=1)])
    assert intent.membership == "remove"
    assert intent.last == 0


def test_of_equal_timestamps_the_later_arrival_wins() -> None:
    (intent,) = coalesce([change("add", at=1), change("remove", at=1)])
    assert intent.membership == "remove"


def test_changes_that_share_any_key_are_one_person_also_through_others() -> None:
    changes = [change("add", "ab"), change("add", "c"), change("remove", "bc", at=1), change("add", "z")]
    assert [intent.indexes for intent in coalesce(changes)] == [[0, 1, 2], [3]]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "remove", "update"]),
            st.sets(st.sampled_from("abcdefgh"), min_size=1, max_size=3),
            st.integers(0, 5),
        ),
        max_size=40,
    )
)
def test_every_change_belongs_to_exactly_one_person_and_no_two_persons_share_a_key(
    drawn: list[tuple[Action, set[str], int]],
) -> None:
    changes = [change(action, "".join(sorted(keys)), at) for action, keys, at in drawn]
    intents = coalesce(changes)
    assert sorted(i for intent in intents for i in intent.indexes) == list(range(len(changes)))
    seen: set[str] = set()
    for intent in intents:
        keys = {key for i in intent.indexes for key in changes[i].keys}
        assert not keys & seen
        seen |= keys
        newest = [changes[i].body.action for i in intent.indexes if changes[i].body.action != "update"]
        assert intent.membership == (newest[-1] if newest else None)
