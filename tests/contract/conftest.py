"""What the contract tests share: an emulator for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.server import running


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Base URL of an emulator that is as quick as it can be and has no limits."""
    with running(job_seconds=0, limits_off=True) as base_url:
        yield base_url
