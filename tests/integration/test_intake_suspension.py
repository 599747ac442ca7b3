"""mParticle is told to stop sending while the key of its connection is refused for good."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from intake.background import PeriodicTask, RefusedKeys
from queues import holds, keys
from queues.clock import now_ms
from queues.holds import CONFIRMED, Hold
from tests.support.intake import Intake
from tests.support.posted import PATH, QUEUE, membership
from tests.support.waiting import apart_async, until, until_async

REFUSED = Hold("unauthenticated", now_ms(), "Give the connection a valid key.", probed=True)


def suspended(intake: Intake, account: int = 123456) -> bool:
    response = intake.post(PATH, membership("a@example.com", account={"account_id": account}))
    assert response.status_code == 202, "changes are taken all the same"
    answer: bool = response.json()["suspend_subscription"]
    return answer


def refuse(redis: Redis, connection: str) -> None:
    """The key of the connection is refused for good."""
    holds.place(redis, connection, REFUSED)
    for _ in range(CONFIRMED):
        holds.confirm(redis, connection)


def test_three_confirmations_suspend_and_a_release_ends_it(intake: Intake, redis: Redis) -> None:
    assert suspended(intake) is False
    holds.place(redis, QUEUE.connection, REFUSED)
    for _ in range(CONFIRMED - 1):
        holds.confirm(redis, QUEUE.connection)
    refuse(redis, "mparticle-1")
    until(lambda: suspended(intake, account=1) is True, "the intake has looked since")
    assert suspended(intake) is False, "two probes are not enough"
    holds.confirm(redis, QUEUE.connection)
    until(lambda: suspended(intake) is True, "the answer changes")
    assert suspended(intake, account=2) is False, "another connection is in order"
    assert redis.llen(keys.queue(QUEUE, "pending")) > 3, "and what comes is stored"
    holds.release(redis, QUEUE.connection)
    until(lambda: suspended(intake) is False, "the answer changes")


def test_nobody_is_suspended_while_redis_does_not_answer(redis: Redis, redis_url: str) -> None:
    refuse(redis, "brand-b")

    async def looks() -> list[bool]:
        async with AsyncRedis.from_url(redis_url) as client, AsyncRedis.from_url("unix:///nowhere") as nobody:
            suspensions = RefusedKeys(client)
            seen = ["brand-b" in suspensions.connections]
            for each in (client, nobody, client):
                suspensions._redis = each
                await suspensions.look()
                seen.append("brand-b" in suspensions.connections)
            return seen

    assert asyncio.run(looks()) == [False, True, False, True]


def test_a_lookout_looks_again_and_again_until_it_is_stopped() -> None:
    async def count() -> tuple[int, int]:
        times = 0

        async def look() -> None:
            nonlocal times
            times += 1

        lookout = PeriodicTask(look, 0.01)
        await lookout.stop()
        lookout.start()
        await until_async(lambda: times > 3)
        await lookout.stop()
        seen = times
        await apart_async(0.05)
        return seen, times

    before, after = asyncio.run(count())
    assert before == after > 3


def test_a_look_that_swallows_its_cancellation_does_not_keep_the_process_from_ending() -> None:
    async def ended() -> None:
        looking = asyncio.Event()

        async def look() -> None:
            looking.set()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

        task = PeriodicTask(look, 0.01)
        task.start()
        await looking.wait()
        await task.stop()

    asyncio.run(ended())


def test_a_defect_in_a_look_is_logged_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> None:
        raise RuntimeError("canary")

    async def run() -> None:
        PeriodicTask(broken, 0.01).start()
        await until_async(lambda: bool(caplog.text))

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert "a defect in Ferry, RuntimeError" in caplog.text
    assert "canary" not in caplog.text
