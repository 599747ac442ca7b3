"""What the integration tests share: an emulator for each module, empty for each test, and an intake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.server import running
from tests.support import intake as intakes
from tests.support.emulator_api import Api
from tests.support.intake import Intake
from tests.support.posted import SECRET


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Base URL of an emulator whose import jobs are complete at once."""
    with running(job_seconds=0) as base_url:
        yield base_url


@pytest.fixture
def api(url: str) -> Iterator[Api]:
    """A caller of the emulator, which has forgotten everything."""
    with Api(url) as caller:
        caller.control("reset")
        yield caller


@pytest.fixture
def intake(redis_url: str) -> Iterator[Intake]:
    """An intake on an empty server."""
    with intakes.running(intakes.known(redis_url, secret_keys=(SECRET,))) as started:
        yield started
