"""The pages in each state of the system: what they say first, whether everybody can read them, and that they fit."""

from __future__ import annotations

from typing import Final

import pytest
from redis import Redis

from console.auth.roles import Role, Visitor
from console.auth.sessions import COOKIE
from console.shell import menu
from queues import holds
from queues.holds import Hold
from queues.names import Queue
from tests.browser.chromium import DESK, PHONE, Chromium, as_new, complaints, show
from tests.browser.page import Page
from tests.browser.states import STATES, Consoles, everything_runs, queues
from tests.browser.test_accessible import faults, width
from tests.support.console import ADMIN, console
from tests.support.ops import VIPS, put
from tests.support.people import names

#: Every page of the menu; in the states with queues also the pages of one of them.
MENU: Final = [page.path for _, pages in menu(Visitor("admin", Role.ADMIN)) for page in pages]
WALKS: Final = [(state, path) for state in STATES for path in MENU] + [
    (state, path)
    for state, of in STATES.items()
    if of.queue
    for path in (f"/queues/{of.queue}", f"/queues/{of.queue}/flush", "/flush")
]
#: Bytes of HTML that a page may have, whatever the number of queues.
MOST: Final = 80_000


@pytest.fixture
def signed_in(driver: Chromium, states: Consoles, state: str) -> Page:
    """The pages of a state, for an admin who has signed in."""
    as_new(driver)
    driver.execute_cdp_cmd("Network.setCookie", {"name": COOKIE, "value": states.cookie, "url": states.at(state).url})
    complaints(driver)
    return Page(driver, states.at(state).url)


@pytest.mark.parametrize(("state", "path"), WALKS)
def test_every_page_of_every_state_fits_a_phone_and_has_neither_faults_nor_errors(
    signed_in: Page, state: str, path: str
) -> None:
    page = signed_in
    show(page.driver, PHONE)
    page.open(path)
    assert page.path() == path, "it needs no other sign-in"
    assert page.heading()
    page.says(STATES[state].pages.get(path, ""))
    assert page.measure("document.querySelector('h1').getBoundingClientRect().bottom") < PHONE[1]
    assert width(page) == PHONE[0]
    assert faults(page) == []
    assert complaints(page.driver) == []
    assert page.measure("performance.getEntriesByType('navigation')[0].decodedBodySize") < MOST
    show(page.driver, DESK)
    assert width(page) == DESK[0]


@pytest.mark.parametrize("state", STATES)
def test_the_verdict_comes_first_and_everybody_can_read_it_on_every_window(signed_in: Page, state: str) -> None:
    page = signed_in
    page.open()
    assert page.heading().startswith(STATES[state].verdict)
    page.says(STATES[state].besides)
    for size in ((320, 800), PHONE, (640, 800), (768, 900), (960, 900), (1024, 900), DESK, (1600, 900)):
        show(page.driver, size)
        assert width(page) == size[0], size
        top = page.measure("document.querySelector('h1').getBoundingClientRect().bottom")
        assert top < size[1], "the verdict is on the first screen"
    for size in (PHONE, DESK):
        show(page.driver, size, "dark")
        assert faults(page, {"runOnly": ["color-contrast"]}) == [], f"{size}, dark"


def test_the_table_follows_what_is_typed_and_keeps_it_when_the_page_renews_itself(
    driver: Chromium, redis: Redis, redis_url: str
) -> None:
    everything_runs(redis)
    queues(redis, 60)
    as_new(driver)
    with console(redis_url) as served:
        page = Page(driver, served.url)
        page.sign_in(ADMIN)
        driver.find_element("id", "q").send_keys("customers 0000")
        page.says("1\u201310 of 10 queues")
        assert page.path() == "/?q=customers+0000&connection=&kind=&sort=status"
        put(redis, *names(40, start=50), queue=Queue("default", "audience", "00003"), name="Customers 00003")
        page.until(lambda: "44 / 100" in page.row("default/audience/00003"), "the new figure")
        assert page.measure("document.activeElement.id") == "q"
        page.says("1\u201310 of 10 queues")
        page.press("Pending")
        assert "sort=pending" in page.path()
        assert page.text("#queues tbody tr").startswith("Waiting")
        page.open(page.path())
        page.says("1\u201310 of 10 queues")


def test_on_a_phone_the_menu_opens_and_escape_closes_it(driver: Chromium, redis: Redis, redis_url: str) -> None:
    everything_runs(redis)
    as_new(driver)
    with console(redis_url) as served:
        page = Page(driver, served.url)
        page.sign_in(ADMIN)
        show(driver, PHONE)
        page.open()
        assert "Holds" not in page.text("body")
        page.named("Menu").click()
        page.says("Holds", "Sign out", selector="#nav")
        page.keys("\ue00c")
        page.until(lambda: not page.text("#nav"), "a closed menu")


def test_times_are_in_the_zone_of_the_browser_with_utc_on_hover(driver: Chromium, redis: Redis, redis_url: str) -> None:
    everything_runs(redis)
    put(redis, "a@example.com")
    at = 1_796_040_000_000  # 2026-11-30T12:00Z
    holds.place(redis, VIPS, Hold("list_gone", at, "Restore it."))
    as_new(driver)
    driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Tokyo"})
    try:
        with console(redis_url) as served:
            page = Page(driver, served.url)
            page.sign_in(ADMIN)
            page.says("your time zone (Asia/Tokyo)", selector="footer")
            shown = driver.find_element("css selector", ".causes time")
            assert "21:00" in shown.text
            assert "2026-11-30T12:00" in (shown.get_attribute("title") or "")
    finally:
        driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": ""})
