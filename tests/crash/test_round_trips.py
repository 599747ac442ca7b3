"""Each process is killed at every request it makes of Redis; nothing is lost and nobody ends on the wrong side."""

from __future__ import annotations

import logging
import random
import time

import pytest

from tests.support import oracle
from tests.support.link import When
from tests.support.model import Message, address, list_name, message
from tests.support.proxied_system import READS, ProxiedSystem
from tests.support.recovery import let_time_pass, let_waits_pass, open_batches
from tests.support.web import Sender, free_port

log = logging.getLogger(__name__)

AUDIENCE = "42"


def three_join_and_two_leave(proxied: ProxiedSystem) -> None:
    """One batch; those who leave are on the list already."""
    proxied.klaviyo.has_list(list_name(AUDIENCE), [address(3), address(4)])
    proxied.accept(message(AUDIENCE, "add", range(3)))
    proxied.accept(message(AUDIENCE, "remove", range(3, 5)))


def delivered_by_children(proxied: ProxiedSystem) -> None:
    three_join_and_two_leave(proxied)
    proxied.drive()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_delivery_killed_at_any_request_loses_nothing(proxied: ProxiedSystem, when: When) -> None:
    # It also calls Klaviyo between its requests: before one is not after the last.
    uncounted = READS if when == "after" else frozenset()
    seen = proxied.at_every_request(
        proxied.to_redis,
        lambda n: proxied.to_redis.kill_at(n, when, proxied.children.kill, uncounted),
        lambda: delivered_by_children(proxied),
        every=4,
    )
    assert seen.count("EVALSHA") > 20, seen


def test_a_delivery_that_loses_any_answer_of_redis_loses_nothing(proxied: ProxiedSystem) -> None:
    seen = proxied.at_every_request(
        proxied.to_redis,
        lambda n: proxied.to_redis.reset_at(n, "after", READS),
        lambda: delivered_by_children(proxied),
        every=4,
    )
    assert seen.count("EVALSHA") > 20, seen


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_scheduler_killed_at_any_request_loses_nothing(proxied: ProxiedSystem, when: When) -> None:
    def two_queues_are_due_and_a_batch_has_stalled() -> None:
        proxied.accept(message("1", "add", range(5)))
        proxied.tick()
        let_time_pass(proxied.redis)
        proxied.accept(message("1", "add", range(10, 15)))
        proxied.accept(message("2", "add", range(5)))
        proxied.children.run("tick")

    seen = proxied.at_every_request(
        proxied.to_redis,
        lambda n: proxied.to_redis.kill_at(n, when, proxied.children.kill, READS),
        two_queues_are_due_and_a_batch_has_stalled,
        every=2,
    )
    assert len(seen) > 10, seen


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_intake_killed_at_any_request_stores_a_repeated_message_once(proxied: ProxiedSystem, when: When) -> None:
    sender = Sender(free_port())

    def one_message_for_two_audiences() -> None:
        both = Message(tuple((audience, "add", address(n)) for audience in ("1", "2") for n in range(5)))
        proxied.redis.script_flush()
        proxied.start_web(sender)
        if sender.post(both) != 202:
            proxied.children.stop()
            proxied.heal()
            proxied.start_web(sender)
            assert sender.post(both) == 202
        proxied.model.accept(both)
        proxied.children.stop()

    seen = proxied.at_every_request(
        proxied.to_redis,
        lambda n: proxied.to_redis.kill_at(n, when, proxied.children.kill, READS),
        one_message_for_two_audiences,
        every=2,
    )
    assert seen[:4] == ["EVALSHA", "EVALSHA", "EVAL accept", "EVALSHA"], seen
    assert sender.answers.keys() == {0, 202}, sender.answers


@pytest.mark.parametrize("answered", [True, False], ids=["carried out and not answered", "never carried out"])
def test_an_intake_without_an_answer_of_redis_accepts_nothing_and_stores_a_repeated_message_once(
    proxied: ProxiedSystem, answered: bool
) -> None:
    proxied.empty()
    sender, sent = Sender(free_port()), message(AUDIENCE, "add", range(5))
    proxied.start_web(sender)
    if answered:
        proxied.to_redis.reset_at(1, "after", READS)
    else:
        proxied.to_redis.blackhole()
    assert sender.post(sent) == 503
    proxied.to_redis.forward()
    assert sender.post(sent) == 202
    proxied.model.accept(sent)
    proxied.children.stop()
    proxied.check()


def work_until_drained(proxied: ProxiedSystem, seconds: float = 90.0) -> None:
    """Ring a real worker until nothing is open or it was killed."""
    deadline = time.monotonic() + seconds
    proxied.children.start("worker")
    while open_batches(proxied.redis) and not proxied.children.ended(0.1):
        assert time.monotonic() < deadline, "the worker does not get through"
        let_waits_pass(proxied.redis)
        proxied.tick()


def test_a_worker_and_its_delivery_killed_at_some_requests_lose_nothing(proxied: ProxiedSystem) -> None:
    seed = random.randrange(1000)
    log.warning("seed %d", seed)
    numbers = sorted(random.Random(seed).sample(range(1, 240), 16))
    disturbed = 0
    for number in numbers:
        proxied.empty()
        three_join_and_two_leave(proxied)
        proxied.tick()
        when: When = "before" if number % 2 else "after"
        proxied.to_redis.kill_at(number, when, proxied.children.kill)
        work_until_drained(proxied)
        log.warning("killed %s request %d: %s", when, number, proxied.to_redis.seen[-1:])
        disturbed += proxied.to_redis.sprung
        proxied.children.stop()
        proxied.heal()
        let_time_pass(proxied.redis)
        work_until_drained(proxied)
        proxied.children.stop()
        oracle.check(proxied.redis, proxied.klaviyo, proxied.model)
    assert disturbed > len(numbers) // 2, "the worker made too few requests for these numbers"
