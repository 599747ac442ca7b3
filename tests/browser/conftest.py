"""What the browser tests share: one installation, one Chromium, and a page that begins signed out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.chromium import Chromium, as_new, chromium
from tests.browser.installation import Installation, installation
from tests.browser.page import Page
from tests.browser.states import Consoles, consoles
from tests.support.valkey import serving


@pytest.fixture(scope="session")
def ferry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that all tests look at; each has audiences of its own."""
    with installation(tmp_path_factory.mktemp("group")) as found:
        yield found


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """One browser for all tests."""
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="session")
def states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consoles]:
    """A console in each state; on a server of its own, because others are emptied for each test."""
    with serving(tmp_path_factory.mktemp("states")) as url, consoles(url) as found:
        yield found


@pytest.fixture
def page(driver: Chromium, ferry: Installation) -> Iterator[Page]:
    """The page of the installation, for somebody who has not signed in."""
    as_new(driver)
    yield Page(driver, ferry.url)
    as_new(driver)
