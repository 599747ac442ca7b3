"""A worker dies at each of its requests while people share, change and leave: who is who afterwards, too."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import chain, count
from random import randrange

import pytest

from tests.support.beginning import Beginning
from tests.support.identity_model import address
from tests.support.identity_steps import Deliver, Erase, Leave, Move, Own, Step, Tell, When
from tests.support.identity_story import Story
from tests.support.identity_world import IdentityWorld
from tests.support.mortal import QUIET, Mortal
from tests.support.proxied_system import READS

log = logging.getLogger(__name__)


def tell(human: str, known_as: str = "", *, phone: bool = False, joins: bool = True, when: When = "now") -> Tell:
    return Tell(human, joins, known_as, phone, when)


def move(human: str, which: int, *, joins: bool = True) -> Move:
    return Move(human, which, joins, "own", phone=True, when="now")


#: More requests than there are.
NEVER = 100_000
#: What was delivered before, and the batch in which a worker dies.
STORIES: dict[str, tuple[Sequence[Step], Sequence[Step]]] = {
    "two share an id and a phone, one changes the address": (
        [tell("ann", "own"), move("mia", 0), move("sam", 2)],
        [
            tell("bob", "Shared-1", phone=True),
            tell("cid", "Shared-1", phone=True),
            move("mia", 1),
            Own("ann", "update"),
            move("sam", 0, joins=False),
        ],
    ),
    "somebody leaves and comes back by the id": (
        [tell("ann", "own"), tell("bob", "Shared-2"), tell("cid", "null")],
        [Leave("ann", "now"), Own("ann", "add"), Leave("bob", "late"), tell("cid", "own", joins=False)],
    ),
}


@pytest.mark.parametrize(("before", "then"), STORIES.values(), ids=STORIES)
def test_nobody_is_taken_for_anybody_else_whatever_request_the_worker_dies_at(
    world: IdentityWorld, before: Sequence[Step], then: Sequence[Step]
) -> None:
    with Mortal() as mortal:
        world.empty("merge", multi_email=True)
        story = Story(world, {address("mia", 1), address("bob")}, mortal)
        for step in (*before, Deliver(), *then):
            story.go(step)
        beginning = Beginning(world.redis, world.account)
        whole: list[str] = []
        # At first nobody dies; then at every sixth request, beginning at another one each time: a run takes a second.
        for number in chain([0], count(randrange(1, 7), 6)):
            if number and whole[number - 1 : number] and whole[number - 1] in READS | QUIET:
                continue
            beginning.again()
            log.warning("a worker dies at request %d", number)
            died = story.deliver(number or NEVER)
            whole = whole or list(mortal.seen)
            if number and not died:
                return


@pytest.mark.parametrize("dies_at", [5, 15, 25, 35, 45])
def test_an_erasure_in_two_lives_reaches_one_person(world: IdentityWorld, dies_at: int) -> None:
    world.empty("merge", multi_email=True)
    with Mortal() as mortal:
        story = Story(world, set(), mortal)
        for step in (tell("ann", "Shared-1"), tell("bob", "Shared-1"), Deliver(), Erase("ann", 0), tell("ann")):
            story.go(step)
        story.deliver(dies_at)
