"""A worker dies at each request it makes of Redis or Klaviyo while it carries a snapshot out.

The next one goes on: the list is what the snapshot says, what is known of its members is so too, every change is
accounted for, and nothing is left behind.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from itertools import chain, count
from random import randrange

from queues.clock import now_ms
from scheduler.tick import tick
from tests.support import oracle
from tests.support.beginning import Beginning
from tests.support.mirrored import Mirrored
from tests.support.model import address
from tests.support.mortal import QUIET, Died, Mortal
from tests.support.recovery import ROUNDS, let_time_pass, open_batches, waiting
from tests.support.snapshot_audience import NAME, single
from worker.deliver import deliver

log = logging.getLogger(__name__)

ANN, BOB, CID, DAN, EVE = (address(number) for number in range(5))


#: A run has more requests than these.
MANY = 100


def go(lists: Mirrored, mortal: Mortal) -> None:
    """Work until nothing waits and nothing is open. A worker may die, the scheduler does not."""
    redis = lists.redis
    for _ in range(ROUNDS):
        with mortal.spared():
            let_time_pass(redis)
            tick(redis, lists.system.connections, now_ms())
            ready = open_batches(redis)
            if not ready and not waiting(redis):
                return
        for batch_id in ready:
            deliver(batch_id)
    raise AssertionError("batches are still open")


def test_the_list_is_the_snapshot_whatever_request_the_worker_dies_at(lists: Mirrored) -> None:
    """Ann's plan changes, Bob leaves, Cid stays, Dan joins; Eve was put on the list by hand.

    The worker dies once a request is carried out, which is before the next one is sent.
    """
    name = arrange(lists)
    beginning = Beginning(lists.redis, lists.system.world)
    with Mortal() as mortal:
        whole: list[str] = []
        # At first nobody dies; then at every fifth request, beginning at another one each time: a run takes a second.
        for number in chain([0], count(randrange(1, 6), 5)):
            if whole[number - 1 : number] and changes_nothing(whole[number - 1]):
                continue
            beginning.again()
            mortal.kill_at(number, "after")
            with suppress(Died):
                go(lists, mortal)
            died = mortal.revive()
            log.warning("died after request %d: %s", number, mortal.seen[-1:])
            go(lists, mortal)
            check(lists, name)
            whole = whole or list(mortal.seen)
            if number and not died:
                assert number > MANY
                return


def changes_nothing(request: str) -> bool:
    """Whether dying after it is like dying before the next one; of a pipeline, when all that is in it is such."""
    kind, _, rest = request.partition(" ")
    if kind == "pipeline":
        return QUIET.issuperset(rest.split())
    return request in QUIET or kind == "GET"


def arrange(lists: Mirrored) -> str:
    """Two snapshots, of which the second is not carried out yet; what comes between is in its way."""
    lists.sync({"email": ANN, "plan": "gold"}, BOB, CID, attributes=("plan",))
    single(lists.redis, lists.system.connections.named("default").policy, BOB, on=True, at=lists.later())
    lists.on_list({"email": EVE})
    people = ({"email": ANN, "plan": "blue"}, CID, DAN)
    return lists.send(*people, attributes=("plan",), reconcile=True)


def check(lists: Mirrored, name: str) -> None:
    assert lists.members() == lists.known() == {ANN, CID, DAN}
    person = lists.system.world.profiles.find("email", ANN)
    assert person is not None
    assert person.properties == {"plan": "blue"}
    record = lists.record(name)
    assert (record.state, record.drift) == ("delivered", {"on_the_list_only": 1, "in_the_ledger_only": 0})
    assert record.counts is not None
    assert (record.counts.adds, record.counts.updates, record.counts.removals) == (1, 1, 2)
    assert lists.klaviyo.lists() == [NAME]
    redis = lists.redis
    assert [*oracle.balance(redis), *oracle.quiet(redis), *oracle.private(redis), *lists.left_over()] == []
