"""What the integration tests share: an emulator for each module, empty for each test, and an intake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.server import running
from tests.support import intake as intakes
from tests.support.emulator_api import Api
from tests.support.intake import Intake
from tests.support.posted import SECRET
from tests.support.segment_world import OWN, SegmentWorld, segment_world


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


@pytest.fixture(scope="module")
def served_segment(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SegmentWorld]:
    """From Segment to Klaviyo, by connection `default` without any settings and by `own`."""
    with segment_world(redis_server, OWN, tmp_path_factory.mktemp("segment")) as world:
        yield world


@pytest.fixture
def segment(served_segment: SegmentWorld) -> SegmentWorld:
    """The same with nothing in it."""
    served_segment.empty()
    return served_segment
