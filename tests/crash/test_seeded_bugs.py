"""Tests of the tests: known bugs of queues like this one are put into Ferry, and the oracles have to notice each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import pytest
from msgspec.structs import replace
from redis import Redis
from rq import Queue as RQQueue

from emulator.world import World
from identity import persons
from identity.holding import ChangeIdentity
from identity.persons import Intent, PersonGroup, _intent
from klaviyo import lookups
from klaviyo.calls import Caller
from klaviyo.endpoints import Endpoint
from klaviyo.lookups import any_of
from queues import doorbell, keys, pending, scripts
from queues.acceptance import Acceptance, AcceptResult
from queues.acceptance import accept as accept_as_it_is
from queues.errors import LeaseLost
from tests.support import oracle_runs
from tests.support.local_system import LocalSystem, local_system
from worker.audience import kind
from worker.audience.remove import remove
from worker.audience.upload import upload
from worker.delivery import Delivery
from worker.main import DeliveryWorker
from worker.people.late_news import moved_away
from worker.settling import settle

Plant = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture
def system(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalSystem]:
    world = World(job_seconds=0, limits_off=True)
    with local_system(redis, redis_url, world, monkeypatch, FERRY_UPLOAD_MAX="200") as system:
        yield system


def rewrite(script: str, old: str, new: str) -> Plant:
    """A line of a Lua script is another one."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        source, text = scripts.text(script), scripts.text
        assert source.count(old) == 1, f"{script}.lua has changed: seed this bug anew"
        patch.setattr(scripts, "text", lambda name: source.replace(old, new) if name == script else text(name))

    return plant


def a_take_that_pops_first_and_writes_the_batch_then(patch: pytest.MonkeyPatch) -> None:
    take = pending.take

    def popping(redis: Redis, seen: pending.QueueState, reason: Any, most: int, now: int) -> str | None:
        waiting = keys.queue(seen.queue, "pending")
        popped = redis.lpop(waiting, most)
        assert isinstance(popped, list)
        redis.lpush(waiting, *reversed(popped))
        return take(redis, seen, reason, most, now)

    patch.setattr(pending, "take", popping)


def a_batch_that_is_settled_before_it_is_uploaded(patch: pytest.MonkeyPatch) -> None:
    def settled_first(delivery: Delivery) -> None:
        settle(delivery)
        delivery.klaviyo.before_each(lambda: None)
        upload(delivery)
        remove(delivery, moved_away(delivery))
        raise LeaseLost(delivery.batch.id)

    patch.setattr(Delivery, "note", lambda _: None)
    patch.setattr(kind, "upload", settled_first)


def a_message_that_is_remembered_before_it_is_written_down(patch: pytest.MonkeyPatch) -> None:
    def in_two_steps(redis: Redis, acceptance: Acceptance, now: int) -> AcceptResult:
        if not redis.set(f"ferry:remembered:{acceptance.message}", "", nx=True):
            return AcceptResult(fresh=False, became_due=False)
        return accept_as_it_is(redis, replace(acceptance, message=""), now)

    patch.setattr("tests.support.local_system.accept", in_two_steps)


def an_update_that_swallows_an_add(patch: pytest.MonkeyPatch) -> None:
    intent_of = _intent

    def last_action_wins(said: Sequence[ChangeIdentity], group: PersonGroup) -> Intent:
        intent = intent_of(said, group)
        if said[intent.last].action == "update":
            intent.membership = None
        return intent

    patch.setattr(persons, "_intent", last_action_wins)


def a_removal_before_the_import_is_complete(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(kind, "poll", lambda _: {})
    patch.setattr(kind, "confirm", lambda _delivery, _known: None)
    patch.setattr(kind, "prove", lambda _: None)


def a_look_up_of_the_first_hundred_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lookups, "any_of", lambda field, values: islice(any_of(field, values), 1))


def a_look_at_the_first_page_of_errors_only(patch: pytest.MonkeyPatch) -> None:
    pages = Caller.pages

    def first(self: Caller, endpoint: Endpoint, identifier: str, query: str) -> Iterator[list[Any]]:
        return islice(pages(self, endpoint, identifier, query), 1)

    patch.setattr(Caller, "pages", first)
    # Who is not named as failed would be missed on the list.
    patch.setattr(kind, "prove", lambda _: None)


def a_worker_that_listens_on_two_queues(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(oracle_runs, "LISTENS_TO", [doorbell.NAME, "another"])


@dataclass(frozen=True)
class Bug:
    """`plant` puts it in, `run` has to fail of it, with `words` in what it says."""

    plant: Plant
    run: Callable[..., None]
    words: str


#: What the state machine may say of any fault in the end; which of its sentences comes first depends on its choices.
MISPLACED = "not where the last change says"
BUGS = {
    "pop based take": Bug(
        a_take_that_pops_first_and_writes_the_batch_then, oracle_runs.killed_anywhere, "accepted changes are nowhere"
    ),
    "acknowledged before uploaded": Bug(
        a_batch_that_is_settled_before_it_is_uploaded, oracle_runs.killed_anywhere, "are missing"
    ),
    "accepted in two steps": Bug(
        a_message_that_is_remembered_before_it_is_written_down, oracle_runs.killed_anywhere, "are stored"
    ),
    "unfenced settle": Bug(
        rewrite("settle", "if b[1] ~= ARGV[3] then", "if not b[1] then"),
        oracle_runs.any_order,
        f"another one holds|{MISPLACED}",
    ),
    "open persons are taken": Bug(
        rewrite("take", "local someone_open = redis.call('SCARD', KEYS[4]) > 0", "local someone_open = false"),
        oracle_runs.any_order,
        f"in two open batches|{MISPLACED}",
    ),
    "replay behind later changes": Bug(
        rewrite("replay", "put_back(KEYS[2], marked(", "redis.call('RPUSH', KEYS[2], marked("),
        oracle_runs.any_order,
        f"before an earlier one|{MISPLACED}",
    ),
    "update swallows add": Bug(an_update_that_swallows_an_add, oracle_runs.any_order, MISPLACED),
    "removed before imported": Bug(
        a_removal_before_the_import_is_complete, oracle_runs.imports_take_their_time, "5 too many"
    ),
    "unpaged look-up": Bug(a_look_up_of_the_first_hundred_only, oracle_runs.many_leave, "30 too many"),
    "unpaged errors": Bug(a_look_at_the_first_page_of_errors_only, oracle_runs.many_fail, "must be dead letters"),
    "two RQ queues": Bug(a_worker_that_listens_on_two_queues, oracle_runs.rung_worker_dies, "the ring is lost"),
}
#: Ferry as it is needs no more of a run: the ledger's machine has a test of its own, and deaths of processes have.
FEWER: dict[Callable[..., None], dict[str, int]] = {
    oracle_runs.any_order: {"examples": 15},
    oracle_runs.killed_anywhere: {"every": 3},
}
RUNS = {bug.run.__name__: bug.run for bug in BUGS.values()}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_ferry_as_it_is_passes(system: LocalSystem, run: Callable[..., None]) -> None:
    run(system, **FEWER.get(run, {}))


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_a_known_bug_is_noticed(system: LocalSystem, monkeypatch: pytest.MonkeyPatch, bug: Bug) -> None:
    bug.plant(monkeypatch)
    # Beside other modules the state machine chooses otherwise, and may meet a fault much later.
    run = partial(bug.run, examples=2_000) if bug.run is oracle_runs.any_order else bug.run
    with pytest.raises(AssertionError, match=bug.words):
        run(system)


def test_a_worker_refuses_to_listen_on_two_queues(redis: Redis) -> None:
    with pytest.raises(ValueError, match="one queue, got 2"):
        DeliveryWorker([doorbell.rq_queue(redis), RQQueue("another", redis)], connection=redis)
