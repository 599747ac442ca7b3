"""A ledger that was emptied under running schedulers is noticed by each of them, once."""

from __future__ import annotations

import logging

import pytest
from redis import Redis

from queues import keys
from queues.server.rollback import EpochWatch, StepMemory
from scheduler import main
from tests.support.intake import known

NOW = 1_800_000_000_000


def test_a_new_ledger_is_no_alarm(redis: Redis) -> None:
    assert not EpochWatch().emptied(redis, NOW)
    assert not redis.exists(keys.EMPTIED)


def test_schedulers_that_start_later_take_the_epoch_over(redis: Redis) -> None:
    first, second = EpochWatch(), EpochWatch()
    assert [watch.emptied(redis, NOW) for watch in (first, second, first, second)] == [False] * 4


def test_every_scheduler_that_ran_then_notices_that_the_ledger_was_emptied(redis: Redis) -> None:
    first, second = EpochWatch(), EpochWatch()
    for watch in (first, second):
        watch.emptied(redis, NOW)
    redis.flushall()
    assert [watch.emptied(redis, NOW + 1) for watch in (first, second, first, second)] == [True, True, False, False]
    assert redis.get(keys.EMPTIED) == str(NOW + 1).encode()
    assert redis.pttl(keys.EMPTIED) > 0
    assert not EpochWatch().emptied(redis, NOW + 2), "one that starts afterwards finds a ledger like any other"


def test_a_full_redis_is_not_written_to(redis: Redis) -> None:
    watch = EpochWatch()
    watch.emptied(redis, NOW)
    used = redis.info("memory")["used_memory"]
    try:
        redis.config_set("maxmemory", used // 2)
        assert not watch.emptied(redis, NOW)
    finally:
        redis.config_set("maxmemory", 0)


def test_a_tick_says_so_as_an_error_and_goes_on(redis: Redis, redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    watch, memory, settings = EpochWatch(), StepMemory(), known(redis_url)
    main._tick(redis, settings, watch, memory)
    redis.flushall()
    main._tick(redis, settings, watch, memory)
    (alarm,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "the ledger was emptied" in alarm.getMessage()
    assert redis.exists(keys.HEARTBEAT)
