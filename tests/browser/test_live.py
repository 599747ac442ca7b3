"""A page that renews itself says when it cannot."""

from __future__ import annotations

from console.auth.roles import Role
from tests.browser.chromium import network
from tests.browser.installation import Installation
from tests.browser.page import Page
from tests.support.console import TOKENS
from tests.support.people import names


def test_a_page_says_that_ferry_does_not_answer_until_it_does(page: Page, ferry: Installation) -> None:
    queue = ferry.post("unseen", "Unseen", names(1))
    page.sign_in(TOKENS[Role.VIEWER])
    page.show_queue(queue)
    page.until(lambda: "1 / 100" in page.row(str(queue)), "1 / 100")
    network(page.driver, on=False)
    page.says("Not updated since", "Ferry does not answer")
    ferry.post("unseen", "Unseen", names(1, start=1))
    assert "1 / 100" in page.row(str(queue))
    network(page.driver, on=True)
    page.until(lambda: "2 / 100" in page.row(str(queue)), "2 / 100")
    page.until(lambda: "Not updated" not in page.text(), "no notice")


def test_a_page_whose_session_has_ended_leads_to_where_one_signs_in(page: Page) -> None:
    page.sign_in(TOKENS[Role.VIEWER])
    page.driver.delete_all_cookies()
    page.until(lambda: page.path().startswith("/sign-in"), "the sign-in page")
