"""The smallest system: one process that accepts, schedules and delivers, a ledger, and Klaviyo in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from redis import Redis

from configuration import settings
from emulator.world import World
from klaviyo.endpoints import PUBLISHED
from queues.acceptance import accept
from queues.clock import now_ms
from scheduler.tick import tick
from tests.support import oracle
from tests.support.emulated import serving
from tests.support.klaviyo import Account
from tests.support.model import Message, Model
from tests.support.proxied_system import environment
from tests.support.recovery import let_time_pass, open_batches, recover
from worker.deliver import deliver
from worker.process import settings_of_process


class LocalSystem:
    """Everything is done by this process. `world`: Klaviyo from within, to be touched between requests only."""

    def __init__(self, redis: Redis, world: World, klaviyo: Account, known: settings.Settings) -> None:
        self.redis, self.world, self.klaviyo = redis, world, klaviyo
        self.connections = known.connections
        self.model = Model()

    def empty(self) -> None:
        """A new ledger, a new account, nothing accepted."""
        self.redis.flushall()
        self.world.reset()
        self.model = Model()

    def accept(self, message: Message) -> None:
        """Accept a message, and count on it only then."""
        policy = self.connections.named("default").policy
        for acceptance in message.acceptances(policy, now_ms()):
            accept(self.redis, acceptance, now_ms())
        self.model.accept(message)

    def work(self) -> None:
        """All waits are over; a scheduler ticks, and every open batch is taken as far as it can be."""
        let_time_pass(self.redis)
        tick(self.redis, self.connections, now_ms())
        for batch_id in open_batches(self.redis):
            deliver(batch_id)

    def check(self) -> None:
        """Bring everything to its end, then look at everything. Raises AssertionError for what is not as it must be."""
        recover(self.redis, self.connections)
        oracle.check(self.redis, self.klaviyo, self.model)


def lift_limits(patch: pytest.MonkeyPatch) -> None:
    """Let deliveries of this process call Klaviyo as often as they like."""
    for endpoint, quota in PUBLISHED.items():
        patch.setitem(PUBLISHED, endpoint, replace(quota, burst=100_000, steady=1_000_000))


@contextmanager
def local_system(
    redis: Redis, redis_url: str, world: World, patch: pytest.MonkeyPatch, **more: str
) -> Iterator[LocalSystem]:
    """A system of one process whose deliveries use this server and this Klaviyo. `more`: settings."""
    with serving(world) as url:
        for name, value in {**environment(redis_url, url), **more}.items():
            patch.setenv(name, value)
        settings_of_process.cache_clear()
        klaviyo = Account(url)
        yield LocalSystem(redis, world, klaviyo, settings.load())
        klaviyo.close()
        settings_of_process.cache_clear()
