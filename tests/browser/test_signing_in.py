from __future__ import annotations

from tests.browser.page import Page
from tests.support.console import ADMIN


def test_a_wrong_token_is_refused_with_what_tokens_are_and_the_right_one_opens_the_page(page: Page) -> None:
    page.sign_in("not-a-token-of-anybody")
    page.says("This token is not valid")
    page.sign_in(ADMIN)
    assert (page.path(), page.text("#queues-title")) == ("/", "Queues")
    page.says("admin\nadmin", selector="#nav")


def test_whoever_signs_in_comes_to_where_they_wanted_to_go(page: Page) -> None:
    page.open("/holds")
    assert page.path() == "/sign-in?next=/holds"
    page.fill("Your token", ADMIN)
    page.press("Sign in")
    assert (page.path(), page.heading()) == ("/holds", "Holds")


def test_whoever_signs_out_is_out_on_every_page(page: Page) -> None:
    page.sign_in(ADMIN)
    page.press("Sign out")
    assert page.path().startswith("/sign-in")
    page.open("/holds")
    assert page.path() == "/sign-in?next=/holds"
