"""What the contract tests share: an emulator for each module, empty for each test, and the official SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from klaviyo_api import KlaviyoAPI

from emulator.server import running
from tests.support.emulator_api import Api


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Base URL of an emulator that is as quick as it can be and has no limits."""
    with running(job_seconds=0, limits_off=True) as base_url:
        yield base_url


@pytest.fixture
def sdk(url: str, api: Api) -> Iterator[Any]:
    """The official SDK on the same emulator."""
    client = KlaviyoAPI("pk_test", max_retries=1, test_host=url)
    yield client
    client.api_client.rest_client.pool_manager.clear()
