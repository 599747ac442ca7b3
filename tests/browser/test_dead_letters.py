"""What Klaviyo refused, until it was delivered after all; and the story of one person."""

from __future__ import annotations

from selenium.webdriver.common.by import By

from console.auth.roles import Role
from queues.names import Queue
from tests.browser.installation import Installation
from tests.browser.page import Page
from tests.browser.scene import ERASURES, let_ask_for_erasure, letter
from tests.support.console import ADMIN, TOKENS
from tests.support.waiting import until


def refused(ferry: Installation, audience: str, name: str, person: str) -> Queue:
    """A queue with a letter of somebody whom Klaviyo refuses once."""
    ferry.refuse_once(person)
    queue = ferry.post(audience, name, [person])
    ferry.flush(queue)
    assert ferry.counted(queue).kept == 1
    return queue


def test_a_letter_is_seen_replayed_and_delivered_once_the_fault_is_over(page: Page, ferry: Installation) -> None:
    queue = refused(ferry, "winners", "Winners", "win@example.com")
    page.sign_in(TOKENS[Role.OPERATOR])
    page.shows(f"/dead?queue={queue}", "1 letter by reason", "invalid")
    page.driver.find_element(By.CSS_SELECTOR, "input[type=checkbox]").click()
    page.press("Replay selected")
    page.says("They are put back into their queues")
    page.press("Replay 1 dead letter")
    page.says("1 dead letter")
    page.open(f"/queues/{queue}/flush")
    page.press("Flush Winners now")
    page.shows(f"/queues/{queue}", "Delivered\n1", "No dead letters")
    assert ferry.klaviyo.members("Winners") == {"win@example.com"}


def test_who_died_is_shown_to_an_admin_alone(page: Page, ferry: Installation) -> None:
    queue = refused(ferry, "private", "Private", "somebody@example.com")
    for role, sees in ((Role.VIEWER, False), (Role.OPERATOR, False), (Role.ADMIN, True)):
        page.sign_in(TOKENS[role])
        page.shows(f"/dead?queue={queue}", "1 letter by reason")
        assert "somebody" not in page.driver.page_source
        page.press(page.driver.find_element(By.CSS_SELECTOR, "a[href^='/dead/default/']").text)
        assert page.heading().startswith("Dead letter")
        assert ("somebody@example.com" in page.driver.page_source) is sees


def test_an_erasure_that_may_be_somebody_elses_is_confirmed_by_an_admin_who_sees_the_profile(
    page: Page, ferry: Installation
) -> None:
    let_ask_for_erasure(ferry, "forget@example.com", "lookalike@example.com")
    page.sign_in(TOKENS[Role.OPERATOR])
    letter(page, ERASURES)
    page.says("erasure_needs_a_look", "An admin, who can see the person")
    page.sign_in(ADMIN)
    letter(page, ERASURES)
    page.press("Confirm")
    page.says("external_id", "Klaviyo then deletes the profiles permanently")
    page.press("Delete 1 profile")
    until(lambda: not ferry.klaviyo.knows("lookalike@example.com"), "the profile is deleted")
    page.shows(f"/queues/{ERASURES}", "Delivered\n1")
    page.shows("/audit", "confirm")
    assert "lookalike" not in page.driver.page_source


def test_an_admin_reads_the_story_of_one_person_and_the_audit_does_not_say_whose(
    page: Page, ferry: Installation
) -> None:
    queue = ferry.post("story", "Story", ["story@example.com"])
    ferry.flush(queue)
    page.sign_in(ADMIN)
    page.press("Person lookup")
    page.fill("Audience or queue", str(queue))
    page.fill("E-mail address", "story@example.com")
    page.press("Look up")
    page.says("story@example.com", "in Story", "accepted", "delivered")
    assert "story" not in page.path()
    page.press("Audit log")
    page.says(str(queue))
    assert "story@example.com" not in page.text()
