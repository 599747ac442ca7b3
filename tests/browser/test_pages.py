"""The pages of the installation, as an admin acts on them."""

from __future__ import annotations

import re

from selenium.webdriver.common.by import By

from console.auth.roles import Role
from tests.browser.installation import Installation
from tests.browser.page import Page
from tests.support.console import ADMIN, TOKENS
from tests.support.people import names


def test_a_user_is_added_signs_in_with_the_token_and_is_removed(page: Page) -> None:
    page.sign_in(ADMIN)
    page.press("Users")
    page.fill("Name", "carol")
    page.press("Add user")
    (token,) = re.findall(r"ferry_[\w-]{43}", page.text())
    page.press("Sign out")
    page.sign_in(token)
    page.says("carol\nviewer", selector="#nav")
    page.press("Sign out")
    page.sign_in(ADMIN)
    page.open("/users")
    page.press("Remove carol")
    page.press("Remove carol")
    assert "carol" not in page.text("table")
    page.press("Sign out")
    page.sign_in(token)
    page.says("This token is not valid")


def test_a_message_is_previewed(page: Page) -> None:
    page.sign_in(ADMIN)
    page.press("Preview")
    message = '{"audience": {"id": "42", "name": "VIPs"}, "changes": [{"action": "add", "email": "no address"}]}'
    page.driver.find_element(By.ID, "message").send_keys(message)
    page.driver.find_element(By.CSS_SELECTOR, "main button").click()
    page.says("VIPs", "Dead letter: email_invalid")
    assert "address" not in page.path()


def test_the_badges_of_the_menu_follow_what_happens(page: Page, ferry: Installation) -> None:
    queue = ferry.post("badges", "Badges", names(1))
    page.sign_in(TOKENS[Role.VIEWER])
    page.show_queue(queue)
    before = page.text("#menu")
    ferry.ferry("hold", str(queue), "--reason", "to see the badge")
    page.until(lambda: page.text("#menu") != before, "another badge")
    page.until(lambda: page.row(str(queue)).startswith("Held"), "the hold")
    ferry.ferry("release", str(queue))
    page.until(lambda: page.text("#menu") == before, "the badge of before")
