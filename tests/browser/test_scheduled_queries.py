"""A query is run, watched and paused with the mouse; its pages can be read by everybody."""

from __future__ import annotations

from selenium.webdriver.common.by import By

from console.auth.roles import Role
from tests.browser.chromium import DESK, PHONE, show
from tests.browser.page import Page
from tests.browser.test_accessible import faults, width
from tests.support.console import ADMIN, TOKENS


def test_an_operator_runs_a_query_and_reads_what_it_did(page: Page) -> None:
    page.sign_in(TOKENS[Role.OPERATOR])
    page.open("/queries")
    page.press("loyal")
    assert "SQL, for admins" not in page.text()
    page.press("Run now")
    assert "You started a run of loyal." in page.text()
    page.shows("/queries/loyal", "Delivered")
    page.fill("Reason", "the shop is closed")
    page.press("Pause")
    assert "the shop is closed. Runs by hand still work." in page.text()
    page.press("Resume")
    assert "You resumed loyal." in page.text()


def test_the_pages_of_a_query_have_no_grave_fault_and_fit_every_window(page: Page) -> None:
    page.sign_in(ADMIN)
    page.open("/queries/loyal")
    page.press("Run now")
    run = str(page.driver.find_element(By.CSS_SELECTOR, "tbody th a").get_attribute("href")).removeprefix(page.url)
    page.shows(run, "5 to be on the list + 1 rejected")
    for path in ("/queries", "/queries/loyal", run):
        page.open(path)
        for size in (PHONE, DESK):
            show(page.driver, size)
            assert width(page) == size[0], path
            assert faults(page) == [], f"{path}, {size}"
            show(page.driver, size, "dark")
            assert faults(page, {"runOnly": ["color-contrast"]}) == [], f"{path}, {size}, dark"
