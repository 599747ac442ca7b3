"""A worker dies at each request while a snapshot is compared, waits for its people to join, and is compared again."""

from __future__ import annotations

import logging
from contextlib import suppress
from itertools import chain, count
from random import randrange

from tests.support.identity_messages import snapshot
from tests.support.identity_world import ROUNDS, IdentityWorld
from tests.support.listed import Listed
from tests.support.mortal import QUIET, Died, Mortal
from worker.deliver import deliver

log = logging.getLogger(__name__)

OLD, NEW, STAYS = "old@example.com", "new@example.com", "stays@example.com"
#: More requests than there are.
NEVER = 100_000


def test_whoever_is_known_by_the_id_of_a_new_email_leaves_whatever_request_the_worker_dies_at(
    world: IdentityWorld,
) -> None:
    with Mortal() as mortal:
        whole: list[str] = []
        # At first nobody dies; then at every ninth request, beginning at another one each time: a run takes a second.
        for number in chain([0], count(randrange(1, 10), 9)):
            if whole[number - 1 : number] and whole[number - 1] in QUIET:
                continue
            listed = arrange(world)
            log.warning("a worker dies at request %d", number)
            mortal.kill_at(number or NEVER, "after")
            with suppress(Died):
                go(world, mortal)
            died = mortal.revive()
            world.settle()
            check(listed)
            whole = whole or list(mortal.seen)
            if number and not died:
                return


def arrange(world: IdentityWorld) -> Listed:
    """Somebody is on the list by an id that comes with another e-mail in a file that nobody has read."""
    world.empty("refuse")
    world.put(email=OLD, external_id="x7")
    listed = Listed(world)
    listed.sync_csv("email,external_id", ",x7", f"{STAYS},")
    world.post(snapshot(f"email,external_id\n{NEW},x7\n{STAYS},\n", connection=listed.connection))
    return listed


def go(world: IdentityWorld, mortal: Mortal) -> None:
    """Work until nothing waits. A worker may die, the scheduler does not."""
    for _ in range(ROUNDS):
        with mortal.spared():
            batches = world.take()
        if not batches:
            return
        for batch_id in batches:
            deliver(batch_id)
    raise AssertionError("batches are still open")


def check(listed: Listed) -> None:
    assert listed.members() == {NEW, STAYS}
    assert listed.known() == {f"email:{NEW}", f"email:{STAYS}"}
    counts = listed.counts()
    assert (counts.people, counts.adds, counts.unchanged, counts.removals, counts.kept) == (2, 1, 1, 1, 0)
    assert listed.who.unbalanced() == []
    assert listed.who.reasons() == {}
