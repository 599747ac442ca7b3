"""A delivery of events or consents dies at each request it makes of Redis or Klaviyo, which takes minutes for its own.

The next worker goes on; every event is recorded once, everybody ends as they said last, and nobody who left a list is
unsubscribed from everything.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain, count
from random import randrange

import msgspec
import pytest
from redis import Redis

from emulator.world import World
from queues import keys, pending
from queues.acceptance import Acceptance, accept
from queues.census import count as census
from queues.change import Action, Body, encode, person_key
from queues.clock import now_ms
from queues.names import Queue
from queues.policy import FlushPolicy
from scheduler.tick import tick
from tests.support import oracle
from tests.support.emulator_api import EVENTS as EVENTS_PATH
from tests.support.emulator_api import SUBSCRIBE, UNSUBSCRIBE, Api, bulk_body, subscribed
from tests.support.house import READS
from tests.support.hut import Hut, hut_of, lift_limits
from tests.support.model import address
from tests.support.mortal import Died, Mortal
from tests.support.recovery import ROUNDS, let_time_pass, open_batches
from worker.consents import rows
from worker.deliver import deliver

log = logging.getLogger(__name__)

EVENTS, CONSENTS = Queue("default", "event", "events"), Queue("default", "consent", "consents")
#: Seconds that Klaviyo takes for what it accepted.
SLOW = 170.0
#: Rounds of a wait in which a worker dies, and how many requests before and after tell a round from others.
ROUNDS_OF_DEATHS, AROUND = 2, 4
ANN, BOB, CID = (address(number) for number in range(3))


class Slow:
    """Ferry and a Klaviyo whose clock goes on while a worker waits."""

    def __init__(self, hut: Hut, api: Api, clock: list[float]) -> None:
        self.hut, self.api, self.clock = hut, api, clock

    def empty(self) -> None:
        """A new ledger, a new account whose people consent at once."""
        self.hut.empty()
        self.api.control("account", {"opt_in_process": "single_opt_in"})

    def accept(self, queue: Queue, *changes: tuple[Action, dict[str, object]]) -> None:
        """Accept a message, and have it taken with the next tick."""
        stored = []
        for action, fragment in changes:
            profile = fragment.get("profile", fragment)
            assert isinstance(profile, dict)
            body = Body(action, now_ms(), "segment", "m", msgspec.Raw(msgspec.json.encode(fragment)))
            stored.append(encode((person_key("email", str(profile["email"])),), now_ms(), body))
        accept(self.hut.redis, Acceptance(queue, FlushPolicy(), "", stored), now_ms())
        pending.flush(self.hut.redis, queue, now_ms())

    def drive(self) -> None:
        """Take and deliver until nothing is open, however long the worker asks to wait."""
        for _ in range(ROUNDS):
            tick(self.hut.redis, self.hut.connections, now_ms())
            ready = open_batches(self.hut.redis)
            if not ready:
                return
            for batch_id in ready:
                self.wait_for(batch_id)
                deliver(batch_id)
        raise AssertionError("batches are still open")

    def wait_for(self, batch_id: str) -> None:
        """The time until a worker is rung for the batch is over, at Klaviyo too."""
        ring = self.hut.redis.zscore(keys.partition(keys.batch_partition(batch_id), "ring"), batch_id)
        self.clock[0] += max(0.0, ((ring or 0) - now_ms()) / 1000)
        let_time_pass(self.hut.redis)

    def check_ledger(self, queue: Queue, delivered: int, dead: int = 0) -> None:
        """Everything is accounted for, and nobody's address is left but in dead letters."""
        redis = self.hut.redis
        assert [*oracle.balance(redis), *oracle.quiet(redis), *oracle.private(redis)] == []
        (found,) = census(redis, [queue])
        assert (found.delivered, found.dead, found.superseded) == (delivered, dead, 0)


@pytest.fixture
def slow(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    lift_limits(monkeypatch)
    clock = [time.time()]
    world = World(job_seconds=SLOW, limits_off=True, now=lambda: clock[0])
    with hut_of(redis, redis_url, world, monkeypatch) as hut, Api(hut.klaviyo.url) as api:
        yield Slow(hut, api, clock)


def dies_everywhere(slow: Slow, arrange: Callable[[], None], check: Callable[[], None], every: int = 1) -> list[str]:
    """Arrange, deliver with a worker that dies at request 1, 2, ..., go on with one that lives; then check.

    It dies once a request is carried out, which is before the next one is sent. One that waits makes the same requests
    round after round, and dies in the first ones of them. `every`: where a run takes long, at each so many requests,
    beginning at another one each time. Returns the requests that a worker makes that does not die.
    """
    with Mortal() as mortal:
        whole: list[str] = []
        for number in chain([0], count(randrange(1, every + 1), every)):  # at request 0 nobody dies
            if whole[number - 1 : number] and (whole[number - 1] in READS or _again(whole, number - 1)):
                continue
            arrange()
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


def event(unique_id: str, at: str = "2026-01-02T03:04:05.000Z") -> tuple[Action, dict[str, object]]:
    told = {"metric": "Viewed", "properties": {}, "time": at, "unique_id": unique_id}
    return "event", {**told, "profile": {"email": ANN}}


def test_events_are_recorded_once_whatever_request_the_worker_dies_at(slow: Slow) -> None:
    def arrange() -> None:
        slow.empty()
        slow.accept(EVENTS, event("e0"), event("e1"), event("never", "2099-01-01T00:00:00.000Z"), event("e2"))

    def check() -> None:
        assert slow.api.events() == ["e0", "e1", "e2"]
        slow.check_ledger(EVENTS, delivered=3, dead=1)

    assert dies_everywhere(slow, arrange, check).count(f"POST {EVENTS_PATH}") == 2


def minds_change(slow: Slow) -> None:
    """Ann is on both lists and leaves one, Bob joins it, Cid never was on it; then Ann comes back."""
    slow.empty()
    news, other = (slow.api.make_list(name, opt_in_process="single_opt_in") for name in ("News", "Other"))
    for list_id in (news, other):
        slow.api.post(SUBSCRIBE, bulk_body(SUBSCRIBE, [subscribed(ANN)], list_id))
    slow.api.post(SUBSCRIBE, bulk_body(SUBSCRIBE, [subscribed(CID)], other))
    slow.clock[0] += SLOW
    told: dict[str, object] = {"list_id": news}
    first: list[tuple[Action, str]] = [("unsubscribe", ANN), ("subscribe", BOB), ("unsubscribe", CID)]
    slow.accept(CONSENTS, *((action, {"email": email, **told}) for action, email in first))
    tick(slow.hut.redis, slow.hut.connections, now_ms())
    slow.accept(CONSENTS, ("subscribe", {"email": ANN, **told}))


def check_minds(slow: Slow) -> None:
    assert slow.api.traps() == []
    assert (set(slow.api.members("News")), set(slow.api.members("Other"))) == ({ANN, BOB}, {ANN, CID})
    assert [slow.api.consent(email) for email in (ANN, BOB, CID)] == ["SUBSCRIBED"] * 3
    slow.check_ledger(CONSENTS, delivered=4)


def test_everybody_ends_as_they_said_last_whatever_request_the_worker_dies_at(slow: Slow) -> None:
    seen = dies_everywhere(slow, lambda: minds_change(slow), lambda: check_minds(slow))
    assert [name for name in seen if name.startswith("POST")] == [f"POST {UNSUBSCRIBE}", *[f"POST {SUBSCRIBE}"] * 2]


def test_a_worker_that_did_not_wait_for_klaviyo_would_be_noticed(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "UNDER_WAY_S", 1.0)
    with pytest.raises(AssertionError):
        dies_everywhere(slow, lambda: minds_change(slow), lambda: check_minds(slow))
