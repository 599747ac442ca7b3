"""Klaviyo refuses a connection's key: the page says what to do, and goes on when that was done."""

from __future__ import annotations

from console.auth.roles import Role
from tests.browser.installation import Installation
from tests.browser.page import Page
from tests.support.console import TOKENS
from tests.support.people import names


def test_a_refused_key_is_told_with_its_steps_and_its_hold_ends_once_the_key_works(
    page: Page, ferry: Installation
) -> None:
    ferry.connect("brand-b")
    ferry.accept_keys()
    queue = ferry.post("members", "Members", names(2), "brand-b")
    page.sign_in(TOKENS[Role.OPERATOR])
    page.open(f"/queues/{queue}/flush")
    page.press("Flush Members now")
    page.shows("/holds", "brand-b", "unauthenticated", "2 changes", "Give the connection a valid private key")
    page.press("Release brand-b…")
    page.press("Release brand-b")
    page.says("It stays held")
    assert "Release without check" in page.names()
    ferry.accept_keys("brand-b")
    page.press("Check again and release")
    page.says("You released brand-b")
    page.shows(f"/queues/{queue}", "operator", "2 rows")
    assert ferry.klaviyo.members("Members") == {*names(2)}
