"""Random people with shared, blocked and changing identifiers, from several sources: who is who is what e-mail says.

tests/support/identity_model.py says in words what that is.
"""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from emulator.clashes import Clash
from tests.support.identity_steps import Deliver, Enter, Move, Step, agreeing, steps
from tests.support.identity_story import Story
from tests.support.identity_world import CLASHES, IdentityWorld
from tests.support.mortal import Mortal

#: Somebody enters and leaves, but under another address; another mover, who enters with the first one, moves on.
LEFT_UNDER_ANOTHER: list[Step] = [
    Enter("max", 1),
    Move("max", 0, joins=False, known_as="", phone=False, when="now"),
    Enter("sam", 1),
    Deliver(),
    Enter("sam", 0),
]
clashes = pytest.mark.parametrize("clash", CLASHES)


@clashes
@settings(max_examples=8)
@given(agreed=agreeing, told=steps(st.just(0)))
@example(agreed=set(), told=LEFT_UNDER_ANOTHER)
def test_nobody_is_taken_for_anybody_else(
    world: IdentityWorld, clash: Clash, agreed: set[str], told: list[Step]
) -> None:
    world.empty(clash, multi_email=clash == "merge")
    story = Story(world, agreed)
    for step in told:
        story.go(step)
    story.deliver()


@clashes
@settings(max_examples=8)
@given(agreed=agreeing, told=steps(st.integers(1, 250)), dies_at=st.integers(1, 250))
def test_nor_when_workers_die_at_any_request(
    world: IdentityWorld, clash: Clash, agreed: set[str], told: list[Step], dies_at: int
) -> None:
    world.empty(clash, multi_email=clash == "merge")
    with Mortal() as mortal:
        story = Story(world, agreed, mortal)
        for step in told:
            story.go(step)
        story.deliver(dies_at)
