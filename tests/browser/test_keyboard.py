"""The page by keyboard alone."""

from __future__ import annotations

from selenium.webdriver.common.keys import Keys

from console.auth.roles import Role
from tests.browser.installation import Installation
from tests.browser.page import Page
from tests.support.console import TOKENS
from tests.support.people import names


def tabbed(page: Page, wanted: str, most: int = 200) -> list[str]:
    """The names that tab comes to, up to the wanted one."""
    passed: list[str] = []
    while len(passed) < most and wanted not in passed:
        page.keys(Keys.TAB)
        passed.append(page.focused())
    assert wanted in passed, f"tab never comes to {wanted}: {passed}"
    return passed


def test_tab_comes_to_the_skip_link_the_menu_and_the_acts_in_their_order(page: Page, ferry: Installation) -> None:
    queue = ferry.post("tabbed", "Tabbed", names(1))
    page.sign_in(TOKENS[Role.OPERATOR])
    page.show_queue(queue)
    passed = tabbed(page, f"Flush {queue}")
    assert passed[:2] == ["Skip to content", "Overview"]
    assert passed.index("Sign out") < passed.index("Flush all queues…") < passed.index("Tabbed")


def test_the_skip_link_leads_past_the_menu(page: Page) -> None:
    page.sign_in(TOKENS[Role.OPERATOR])
    page.keys(Keys.TAB, Keys.ENTER)
    page.keys(Keys.TAB)
    assert page.focused() not in ("Overview", "Holds", "Sign out")


def test_what_has_the_focus_can_be_seen(page: Page) -> None:
    page.sign_in(TOKENS[Role.OPERATOR])
    page.keys(Keys.TAB)
    assert page.measure("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert page.measure("document.activeElement.getBoundingClientRect().left") >= 0


def test_signing_in_and_flushing_need_no_mouse(page: Page, ferry: Installation) -> None:
    queue = ferry.post("typed", "Typed", names(2))
    page.open("/sign-in")
    assert page.focused() == "Your token"
    with page.leaving():
        page.keys(TOKENS[Role.OPERATOR], Keys.ENTER)
    page.shows(f"/queues/{queue}", "2 / 100")
    for act in ("Flush now", "Flush Typed now"):
        tabbed(page, act)
        with page.leaving():
            page.keys(Keys.ENTER)
    page.says("You flushed 2 changes")
    page.shows(f"/queues/{queue}", "operator", "2 rows")


def test_the_focus_stays_where_it_is_when_the_page_renews_itself(page: Page, ferry: Installation) -> None:
    queue = ferry.post("focused", "Focused", names(1))
    page.sign_in(TOKENS[Role.OPERATOR])
    page.show_queue(queue)
    tabbed(page, f"Flush {queue}")
    ferry.post("focused", "Focused", names(1, start=1))
    page.until(lambda: "2 / 100" in page.row(str(queue)), "2 / 100")
    assert page.focused() == f"Flush {queue}"
