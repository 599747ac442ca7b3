"""A Redis that is full takes nothing more in, and still lets everything out: delivery has memory left to write in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError

from configuration import settings
from configuration.connections import Connections
from queues import doorbell, pending
from queues.acceptance import accept
from queues.clock import now_ms
from queues.policy import FlushPolicy
from tests.support import oracle
from tests.support.klaviyo import Account
from tests.support.model import Model, message
from tests.support.proxied_system import environment
from tests.support.recovery import drive, waiting
from tests.support.valkey import start_server
from worker.deliver import deliver
from worker.process import settings_of_process

POLICY = FlushPolicy(size=200, upload_max=200)


def fill(redis: Redis, model: Model) -> None:
    """Accept until Redis refuses."""
    for number in range(1_000):
        people = range(number * 50, number * 50 + 50)
        sent = replace(message(str(number % 3), "add", people), note="x" * 4_000)
        try:
            for acceptance in sent.acceptances(POLICY, now_ms()):
                accept(redis, acceptance, now_ms())
        except OutOfMemoryError:
            return
        model.accept(sent)
    raise AssertionError("the memory is not full yet")


def deliver_all(redis: Redis, connections: Connections) -> None:
    """Deliver everything; whoever is rung for a batch takes the ring away, so that it leaves no room taken."""

    def deliver_as_rung(batch_id: str) -> bool:
        doorbell.rq_queue(redis).empty()  # type: ignore[no-untyped-call]  # as in rq
        deliver(batch_id)
        return True

    for queue in pending.all_queues(redis):
        pending.flush(redis, queue, now_ms())
    drive(redis, connections, deliver_as_rung)
    assert waiting(redis) == 0


def test_what_a_full_redis_holds_is_delivered_and_makes_room_again(
    klaviyo: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    klaviyo.control("reset")
    server, url = start_server(tmp_path, "--maxmemory", "10mb", "--maxmemory-policy", "noeviction")
    for name, value in {**environment(url, klaviyo.url), "FERRY_FLUSH_SIZE": "200"}.items():
        monkeypatch.setenv(name, value)
    settings_of_process.cache_clear()
    model = Model()
    try:
        with Redis.from_url(url) as redis:
            for _ in range(2):
                fill(redis, model)
                assert oracle.balance(redis) == []
                deliver_all(redis, settings.load().connections)
                oracle.check(redis, klaviyo, model)
    finally:
        server.kill()
        server.wait(30)
        settings_of_process.cache_clear()
    assert model.accepted.total() > 2_500
