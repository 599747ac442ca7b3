"""Ferry with a process under test behind proxies, and everything healthy at hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from configuration import settings
from emulator.server import running
from emulator.world import World
from tests.support.emulator_api import Api
from tests.support.identity_world import CONNECTIONS, IdentityWorld, identity_world
from tests.support.klaviyo import Account
from tests.support.local_system import lift_limits, local_system
from tests.support.proxied_system import ProxiedSystem, environment
from tests.support.slow import SLOW, Slow
from worker.process import settings_of_process


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    """The URL of a Klaviyo whose import jobs are complete when they are looked at."""
    with running(job_seconds=0, limits_off=True) as url:
        yield url


@pytest.fixture(scope="module")
def klaviyo(emulator: str) -> Iterator[Account]:
    """The emulator, to look at and to disturb."""
    account = Account(emulator)
    yield account
    account.close()


@pytest.fixture(scope="module")
def proxied(
    redis_server: str, emulator: str, klaviyo: Account, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ProxiedSystem]:
    """A ledger, Klaviyo, and a fork server whose children reach both through proxies."""
    with pytest.MonkeyPatch.context() as patch, Redis.from_url(redis_server) as redis:
        for name, value in environment(redis_server, emulator).items():
            patch.setenv(name, value)
        # Deliveries of this process, the healthy one, read these settings.
        settings_of_process.cache_clear()
        with ProxiedSystem(redis, klaviyo, settings.load(), Path(tmp_path_factory.mktemp("crash"))) as proxied:
            yield proxied
        settings_of_process.cache_clear()


@pytest.fixture
def slow(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    """A system of one process whose Klaviyo takes minutes of a clock that the test sets."""
    lift_limits(monkeypatch)
    clock = [time.time()]
    world = World(job_seconds=SLOW, limits_off=True, now=lambda: clock[0])
    with local_system(redis, redis_url, world, monkeypatch) as system, Api(system.klaviyo.url) as api:
        yield Slow(system, api, clock)


@pytest.fixture(scope="module")
def world(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityWorld]:
    """From every CDP to Klaviyo."""
    with identity_world(redis_server, CONNECTIONS, tmp_path_factory.mktemp("identity")) as found:
        yield found
