"""People who hand on values, from several sources and in any batches: the end is what docs/identity.md says."""

from __future__ import annotations

import pytest

from tests.support.identity_handovers import SEQUENCES
from tests.support.identity_reissues import REISSUES
from tests.support.identity_sequences import Handover, Step
from tests.support.identity_unknown import UNKNOWN
from tests.support.identity_world import IdentityWorld

ALL = SEQUENCES | REISSUES | UNKNOWN
TOGETHER = {name: each for name, each in ALL.items() if not each.alone}


def assert_end(who: IdentityWorld, sequence: Handover) -> None:
    """The lists, attributes and dead letters are those of the sequence."""
    assert (who.members(), who.members("Second")) == (sequence.members, sequence.second)
    plans = {name: person["properties"].get("plan") for person in who.everybody() if (name := known_as(person))}
    assert {name: plan for name, plan in plans.items() if plan} == sequence.plan
    assert who.reasons() == sequence.reasons


def known_as(person: dict[str, str]) -> str:
    return person.get("email") or person.get("external_id") or person.get("phone_number") or person["id"]


@pytest.mark.parametrize("sequence", ALL.values(), ids=ALL)
def test_each_message_is_delivered_before_the_next_one_comes(who: IdentityWorld, sequence: Handover) -> None:
    for step in sequence.steps:
        carry_out(who, step)
        who.settle()
    assert_end(who, sequence)


def carry_out(who: IdentityWorld, step: Step) -> None:
    """Post a message, or do what an operator does."""
    if callable(step):
        step(who)
    else:
        who.post(step)


@pytest.mark.parametrize("sequence", TOGETHER.values(), ids=TOGETHER)
def test_all_messages_are_delivered_together(who: IdentityWorld, sequence: Handover) -> None:
    for step in sequence.steps:
        carry_out(who, step)
    who.settle()
    assert_end(who, sequence)
