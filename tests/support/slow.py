"""Deliveries to a Klaviyo that takes minutes of its own clock, by workers that die at each of their requests."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from itertools import chain, count
from random import randrange

import msgspec

from queues import keys, pending
from queues.acceptance import Acceptance, accept
from queues.census import count as census
from queues.change import Action, Body, encode, person_key
from queues.clock import now_ms
from queues.names import Queue
from queues.policy import FlushPolicy
from scheduler.tick import tick
from tests.support import oracle
from tests.support.beginning import Beginning
from tests.support.emulator_api import Api
from tests.support.local_system import LocalSystem
from tests.support.mortal import Died, Mortal
from tests.support.proxied_system import READS
from tests.support.recovery import ROUNDS, let_time_pass, open_batches
from worker.deliver import deliver

log = logging.getLogger(__name__)

#: Seconds that Klaviyo takes for what it accepted.
SLOW = 170.0
#: Rounds of a wait in which a worker dies, and how many requests before and after tell a round from others.
ROUNDS_OF_DEATHS, AROUND = 2, 4


class Slow:
    """Ferry and a Klaviyo whose clock goes on while a worker waits."""

    def __init__(self, system: LocalSystem, api: Api, clock: list[float]) -> None:
        self.system, self.api, self.clock = system, api, clock

    def empty(self) -> None:
        """A new ledger, a new account whose people consent at once."""
        self.system.empty()
        self.api.control("account", {"opt_in_process": "single_opt_in"})

    def accept(self, queue: Queue, *changes: tuple[Action, dict[str, object]]) -> None:
        """Accept a message, and have it taken with the next tick."""
        stored = []
        for action, fragment in changes:
            profile = fragment.get("profile", fragment)
            assert isinstance(profile, dict)
            body = Body(action, now_ms(), "segment", "m", msgspec.Raw(msgspec.json.encode(fragment)))
            stored.append(encode((person_key("email", str(profile["email"])),), now_ms(), body))
        accept(self.system.redis, Acceptance(queue, FlushPolicy(), "", stored), now_ms())
        pending.flush(self.system.redis, queue, now_ms())

    def drive(self) -> None:
        """Take and deliver until nothing is open, however long the worker asks to wait."""
        for _ in range(ROUNDS):
            tick(self.system.redis, self.system.connections, now_ms())
            ready = open_batches(self.system.redis)
            if not ready:
                return
            for batch_id in ready:
                self.wait_for(batch_id)
                deliver(batch_id)
        raise AssertionError("batches are still open")

    def wait_for(self, batch_id: str) -> None:
        """The time until a worker is rung for the batch is over, at Klaviyo too."""
        ring = self.system.redis.zscore(keys.partition(keys.batch_partition(batch_id), "ring"), batch_id)
        self.clock[0] += max(0.0, ((ring or 0) - now_ms()) / 1000)
        let_time_pass(self.system.redis)

    def check_ledger(self, queue: Queue, delivered: int, dead: int = 0) -> None:
        """Everything is accounted for, and nobody's address is left but in dead letters."""
        redis = self.system.redis
        assert [*oracle.balance(redis), *oracle.quiet(redis), *oracle.private(redis)] == []
        (found,) = census(redis, [queue])
        assert (found.delivered, found.dead, found.superseded) == (delivered, dead, 0)


def dies_everywhere(slow: Slow, arrange: Callable[[], None], check: Callable[[], None], every: int = 1) -> list[str]:
    """Deliver what is arranged with a worker that dies at request 1, 2, ..., go on with one that lives; then check.

    It dies once a request is carried out, which is before the next one is sent. One that waits makes the same requests
    round after round, and dies in the first ones of them. `every`: where a run takes long, at each so many requests,
    beginning at another one each time. Returns the requests that a worker makes that does not die.
    """
    arrange()
    beginning, time = Beginning(slow.system.redis, slow.system.world), slow.clock[0]
    with Mortal() as mortal:
        whole: list[str] = []
        for number in chain([0], count(randrange(1, every + 1), every)):  # at request 0 nobody dies
            if whole[number - 1 : number] and (whole[number - 1] in READS or _again(whole, number - 1)):
                continue
            beginning.again()
            slow.clock[0] = time
            log.warning("a worker dies at request %d", number)
            mortal.kill_at(number, "after")
            with suppress(Died):
                slow.drive()
            died = mortal.revive()
            slow.drive()
            slow.clock[0] += SLOW
            check()
            whole = whole or list(mortal.seen)
            if number and not died:
                return whole
    raise AssertionError("it never ends")


def _again(requests: list[str], at: int) -> bool:
    """Whether the same request came between the same others in so many rounds before."""
    around = requests[max(0, at - AROUND) : at + AROUND]
    return sum(requests[max(0, each - AROUND) : each + AROUND] == around for each in range(at)) >= ROUNDS_OF_DEATHS
