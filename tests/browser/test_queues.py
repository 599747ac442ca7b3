"""A queue from the first change to the last upload, as an operator sees it and acts on it."""

from __future__ import annotations

import re

from console.auth.roles import Role
from tests.browser.installation import Installation
from tests.browser.page import Page
from tests.support.console import TOKENS
from tests.support.people import names


def test_a_queue_fills_before_ones_eyes_with_its_bar_its_clock_and_when_it_is_delivered(
    page: Page, ferry: Installation
) -> None:
    queue = ferry.post("fills", "Filling", names(1))
    page.sign_in(TOKENS[Role.OPERATOR])
    page.show_queue(queue)
    page.until(lambda: "1 / 100" in page.row(str(queue)), "1 / 100")
    # A mark on the page itself is gone when it is loaded anew.
    page.driver.execute_script("document.body.dataset.mark = 'here'")
    ferry.post("fills", "Filling", names(40, start=1))
    page.until(lambda: "41 / 100" in page.row(str(queue)), "41 / 100")
    assert page.measure("document.body.dataset.mark") == "here"
    assert re.search(r"in 15 h 5\d min", page.row(str(queue)).replace("\u00a0", " "))
    page.open(f"/queues/{queue}")
    # From eight in the morning on that is tomorrow, whose date is said too.
    assert re.search(r"In Klaviyo about (\d+ \w{3} )?\d\d:\d\d UTC", page.text())


def test_a_flush_is_confirmed_and_seen_to_be_delivered(page: Page, ferry: Installation) -> None:
    queue = ferry.post("flushed", "Flushed", names(3))
    page.sign_in(TOKENS[Role.OPERATOR])
    page.show_queue(queue)
    page.press(f"Flush {queue}")
    page.says("3 changes in 1 queue")
    page.press("Flush Flushed now")
    page.says("You flushed")
    page.open(f"/queues/{queue}")
    page.says(f"You flushed 3 changes of {queue}")
    page.shows(f"/queues/{queue}", "operator", "3 rows", "Batches in progress\nNone")
    assert ferry.klaviyo.members("Flushed") == {*names(3)}


def test_a_flush_that_nobody_confirms_sends_nothing(page: Page, ferry: Installation) -> None:
    queue = ferry.post("left", "Left alone", names(2))
    page.sign_in(TOKENS[Role.OPERATOR])
    page.show_queue(queue)
    page.press(f"Flush {queue}")
    page.press("Cancel")
    page.show_queue(queue)
    assert "2 / 100" in page.text()
    assert ferry.counted(queue).upto == 0


def test_a_hold_is_placed_with_its_reason_stops_what_is_asked_for_and_ends_when_released(
    page: Page, ferry: Installation
) -> None:
    queue = ferry.post("held", "Held", names(2))
    page.sign_in(TOKENS[Role.OPERATOR])
    page.shows(f"/queues/{queue}", " / 100")
    page.press("Hold")
    page.fill("Reason", "the mapping is being mended")
    page.press("Hold Held")
    page.says("the mapping is being mended", "You held default/audience/held")
    page.press("Flush now")
    page.says("2 changes in 1 queue")
    page.press("Flush Held now")
    page.open("/holds")
    page.press("Release default/audience/held…")
    page.press("Release Held")
    page.says("You released default/audience/held. Delivery continues.")
    page.shows(f"/queues/{queue}", "operator", "2 rows")


def test_a_hold_without_a_reason_is_not_placed(page: Page, ferry: Installation) -> None:
    queue = ferry.post("unheld", "Not held", names(1))
    page.sign_in(TOKENS[Role.OPERATOR])
    page.shows(f"/queues/{queue}", " / 100")
    page.press("Hold")
    page.fill("Reason", " ")
    page.press("Hold Not held")
    page.says("Give the reason")
    assert ferry.counted(queue).hold is None
