"""Ferry with a process under test behind proxies, and everything healthy at hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from configuration import settings
from emulator.server import running
from tests.support.house import House, environment
from tests.support.klaviyo import Account
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
def house(
    redis_server: str, emulator: str, klaviyo: Account, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A ledger, Klaviyo, and a nursery whose children reach both through proxies."""
    with pytest.MonkeyPatch.context() as patch, Redis.from_url(redis_server) as redis:
        for name, value in environment(redis_server, emulator).items():
            patch.setenv(name, value)
        # Deliveries of this process, the healthy one, read these settings.
        settings_of_process.cache_clear()
        with House(redis, klaviyo, settings.load(), Path(tmp_path_factory.mktemp("crash"))) as house:
            yield house
        settings_of_process.cache_clear()
