"""Short runs of Ferry within this process, each of which must fail when the fault it is about is in the code."""

from __future__ import annotations

from itertools import count
from random import randrange
from typing import Literal

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from queues import doorbell  # before rq: it sets RQ's key prefix

# isort: split
from rq import Queue
from rq.serializers import JSONSerializer

from queues.change import Action
from queues.clock import now_ms
from tests.support import ledger_invariants
from tests.support.ledger_machine import LedgerMachine
from tests.support.local_system import LocalSystem
from tests.support.model import DOMAIN, HOPELESS, Message, address, list_name, message
from tests.support.mortal import Died, Mortal
from tests.support.proxied_system import READS

AUDIENCE = "42"
#: The RQ queues a worker listens on.
LISTENS_TO = [doorbell.NAME]


def same_choices(examples: int) -> settings:
    """Settings with which a state machine makes the same choices each time that the same modules are loaded."""
    return settings(
        max_examples=examples,
        stateful_step_count=30,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def any_order(system: LocalSystem, examples: int = 60) -> None:
    """The ledger's state machine, with the same choices each time that the same modules are loaded."""
    with pytest.MonkeyPatch.context() as patch:
        ledger_invariants.use(patch, system.redis)
        run_state_machine_as_test(LedgerMachine, settings=same_choices(examples))


def killed_anywhere(system: LocalSystem, every: int = 1) -> None:
    """Two messages are accepted, scheduled and delivered by a process that dies at one request, then at a later one.

    `every`: at each so many requests, beginning at another one each time.
    """
    with Mortal() as mortal:
        assert not _live(system, mortal, 0, "before"), "undisturbed, even the faulty code gets through"
        whole = list(mortal.seen)
        for number in count(randrange(1, every + 1), every):
            if number <= len(whole) and whole[number - 1] in READS:
                continue
            # Dying after a request leaves behind what dying before the next one does; the last one has no next one.
            if not _live(system, mortal, number, "before"):
                _live(system, mortal, len(mortal.seen), "after")
                return


def _live(system: LocalSystem, mortal: Mortal, number: int, when: Literal["before", "after"]) -> bool:
    """One life and what comes after it; whether it was cut short."""
    system.empty()
    system.klaviyo.has_list(list_name(AUDIENCE), [address(3), address(4)])
    mortal.kill_at(number, when)
    died = False
    for sent in (message(AUDIENCE, "add", range(3)), message(AUDIENCE, "remove", [3, 4])):
        try:
            system.accept(sent)
        except Died:
            died = mortal.revive()
            system.accept(sent)  # its sender repeats what was not answered
    try:
        system.work()
        system.work()
    except Died:
        died = True
    mortal.revive()
    system.check()
    return died


def imports_take_their_time(system: LocalSystem) -> None:
    """Three join, and leave while Klaviyo is still at it."""
    clock = [1_800_000_000.0]
    system.world.now = lambda: clock[0]
    system.empty()
    system.world.jobs.seconds = 60
    actions: tuple[Action, ...] = ("add", "remove")
    for action in actions:
        system.accept(message(AUDIENCE, action, range(5)))
        system.work()
        system.work()
    clock[0] += 3600
    system.check()


def many_leave(system: LocalSystem) -> None:
    """More than one look-up can name."""
    system.empty()
    everybody = range(130)
    system.klaviyo.has_list(list_name(AUDIENCE), [address(n) for n in everybody])
    system.accept(message(AUDIENCE, "remove", everybody))
    system.check()


def many_fail(system: LocalSystem) -> None:
    """More rows of an import fail than one page of its errors holds."""
    system.empty()
    system.accept(Message(tuple((AUDIENCE, "add", f"{HOPELESS}blocked-{n}@{DOMAIN}") for n in range(130))))
    system.check()


def rung_worker_dies(system: LocalSystem) -> None:
    """A worker dies between taking a ring out of RQ's queue and looking at it."""
    system.empty()
    doorbell.ring(system.redis, ["00-batch"], now_ms())
    queues = [Queue(name, system.redis, serializer=JSONSerializer) for name in LISTENS_TO]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Queue, "_fetch_dequeued_job", _die)
        with pytest.raises(Died):
            Queue.dequeue_any(queues, 1, system.redis)
    kept = [*queues[0].job_ids, *queues[0].intermediate_queue.get_job_ids()]
    assert len(kept) == 1, "the ring is lost"


def _die(*_: object, **__: object) -> None:
    raise Died
