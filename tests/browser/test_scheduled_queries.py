"""A query is run, watched and paused with the mouse; an admin finds whom its run changed."""

from __future__ import annotations

from selenium.webdriver.common.by import By

from console.auth.roles import Role
from tests.browser.chromium import scripts
from tests.browser.page import Page
from tests.browser.scene import run_of_query
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


def test_an_admin_finds_the_people_of_a_run_with_and_without_scripts(page: Page) -> None:
    page.sign_in(ADMIN)
    run_of_query(page)
    run = page.path().partition("?")[0]
    for on in (True, False):
        scripts(page.driver, on=on)
        page.open(run)
        assert "6 Klaviyo does not accept this e-mail: correct it in the source. email_invalid" in " ".join(
            page.text("#lists").split()
        )
        page.driver.find_element(By.CSS_SELECTOR, "#lists nav a[href*='kind=removed']").click()
        page.says("This run removes nobody from the list.")
        page.fill("E-mail address, phone number or id", "stranger@example.com")
        page.press("Look up")
        page.says("This run does not change this person.")
    scripts(page.driver, on=True)
