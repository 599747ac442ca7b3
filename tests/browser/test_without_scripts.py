"""Where scripts are off, the page is a page like any other."""

from __future__ import annotations

import pytest

from console.auth.roles import Role
from tests.browser.chromium import scripts
from tests.browser.installation import Installation
from tests.browser.page import Page
from tests.support.console import TOKENS
from tests.support.people import names


@pytest.fixture
def plain(page: Page) -> Page:
    """The page in a browser that runs no script of it."""
    scripts(page.driver, on=False)
    page.sign_in(TOKENS[Role.OPERATOR])
    assert page.measure("typeof htmx") == "undefined"
    return page


def test_with_scripts_the_live_part_is_there(page: Page) -> None:
    page.sign_in(TOKENS[Role.OPERATOR])
    assert page.measure("typeof htmx") == "object"


def test_a_queue_is_read_held_released_and_flushed_without_them(plain: Page, ferry: Installation) -> None:
    queue = ferry.post("plain", "Plain", names(2))
    plain.shows(f"/queues/{queue}", "2 / 100")
    plain.press("Hold")
    plain.fill("Reason", "no script here")
    plain.press("Hold Plain")
    plain.says("no script here")
    plain.press(f"Release {queue}")
    plain.press("Release Plain")
    plain.press("Flush now")
    plain.press("Flush Plain now")
    plain.shows(f"/queues/{queue}", "operator", "2 rows")
    plain.press("Sign out")
    assert plain.path().startswith("/sign-in")
