"""What every kind of queue promises: no change is forgotten, none counts twice."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configuration.connections import Connection
from queues.change import Action, Body, Change, person_key
from worker.kinds import KINDS
from worker.people.batch_people import People

ACTIONS: dict[str, tuple[Action, ...]] = {
    "audience": ("add", "remove", "update"),
    "profile": ("update",),
    "event": ("event",),
    "consent": ("subscribe", "unsubscribe"),
    "erasure": ("erase",),
    "snapshot": ("replace",),
}


def change(action: Action, person: int, at: int) -> Change:
    return Change((person_key("n", str(person)),), 0, Body(action, at, "segment", "m", msgspec.Raw(b"{}")))


def test_every_kind_and_every_action_is_accounted_for() -> None:
    assert KINDS.keys() == ACTIONS.keys()
    assert {action for actions in ACTIONS.values() for action in actions} == set(get_args(Action))


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_every_change_stands_in_exactly_one_intent_under_the_last_of_it(kind: str, data: st.DataObject) -> None:
    told = st.tuples(st.sampled_from(ACTIONS[kind]), st.integers(0, 4), st.integers(0, 9))
    changes = [change(*each) for each in data.draw(st.lists(told, max_size=30))]
    intents = KINDS[kind].intents(People(changes))
    assert sorted(index for intent in intents for index in intent.indexes) == list(range(len(changes)))
    assert len({intent.last for intent in intents}) == len(intents)


@pytest.mark.parametrize("kind", ["event", "consent", "erasure", "snapshot"])
def test_what_is_not_for_an_audience_waits_a_minute_at_most(kind: str) -> None:
    assert Connection("default").policy_for(kind, kind).age_ms <= 60_000
