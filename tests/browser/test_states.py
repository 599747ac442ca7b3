"""The first page in each state of the system: what it says first, whether everybody can read it, and that it fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest
from redis import Redis

from queues import batches, doorbell, holds, keys  # before rq: doorbell sets RQ's key prefix

# isort: split
from rq import Worker

from queues.clock import now_ms
from queues.holds import Hold
from queues.names import Queue
from queues.snapshots import guard
from tests.browser.chromium import DESK, PHONE, Chromium, as_new, show
from tests.browser.page import Page
from tests.browser.test_accessible import faults, width
from tests.support.console import ADMIN, console
from tests.support.ops import VIPS, put, take
from tests.support.people import names


def everything_runs(redis: Redis) -> None:
    """A scheduler and a worker, for all that anybody can see, and as long as the test takes."""
    worker = Worker([doorbell.rq_queue(redis)], connection=redis)
    worker.register_birth()  # type: ignore[no-untyped-call]
    redis.set(keys.HEARTBEAT, now_ms() + 3_600_000)


def queues(redis: Redis, number: int, connection: str = "default") -> None:
    for index in range(number):
        queue = Queue(connection, "audience", f"{index:05}")
        put(redis, *names(index % 5 + 1), queue=queue, name=f"Customers {index:05}")


def three(redis: Redis) -> None:
    queues(redis, 3)


def many(redis: Redis) -> None:
    queues(redis, 400)


def key_refused(redis: Redis) -> None:
    queues(redis, 3)
    queues(redis, 150, "brand-b")
    holds.place(redis, "brand-b", Hold("unauthenticated", now_ms() - 60_000, "Give it a key.", probed=True))


def klaviyo_down(redis: Redis) -> None:
    put(redis, *names(100))
    batch_id = take(redis)
    assert batch_id is not None
    batch = batches.reclaim(redis, batch_id, now_ms(), 60_000)
    assert batch is not None
    batches.submit(redis, batch, b'{"stage":"upload","trouble":"http_503"}', now_ms() + 60_000, 1, fails=True)


def scheduler_dead(redis: Redis) -> None:
    queues(redis, 3)
    redis.delete(keys.HEARTBEAT)


def worker_dead(redis: Redis) -> None:
    queues(redis, 3)
    for worker in Worker.all(connection=redis):
        worker.register_death()  # type: ignore[no-untyped-call]


def snapshot_held(redis: Redis) -> None:
    snapshots = Queue("default", "snapshot", "42")
    put(redis, "a@example.com")
    put(redis, "order", queue=snapshots)
    holds.place(redis, snapshots, Hold(guard.GUARD, now_ms(), "It would take 163 of 200 people off the list."))


def nothing(_redis: Redis) -> None:
    """The state of a new installation."""


#: How each state comes about, and what the page says first in it.
STATES: Final[dict[str, tuple[Callable[[Redis], None], str, str]]] = {
    "empty": (nothing, "Ready for the first change", "Send a test change"),
    "three queues": (three, "All well", "1\u20133 of 3 queues"),
    "many queues": (many, "All well", "1\u201325 of 400 queues"),
    "key refused": (key_refused, "Delivery is stopped for brand-b", "Klaviyo refuses the key of brand-b"),
    "Klaviyo down": (klaviyo_down, "Ferry delivers; 1 thing needs attention", "Klaviyo answers 503"),
    "scheduler dead": (scheduler_dead, "Delivery is stopped", "No scheduler ran within the last minute"),
    "worker dead": (worker_dead, "Delivery is stopped", "No worker is running"),
    "snapshot held": (snapshot_held, "Delivery is stopped for", "would remove too many people"),
}


@pytest.mark.parametrize("state", STATES)
def test_the_verdict_comes_first_and_everybody_can_read_it_on_every_window(
    driver: Chromium, redis: Redis, redis_url: str, state: str
) -> None:
    fill, verdict, besides = STATES[state]
    everything_runs(redis)
    fill(redis)
    as_new(driver)
    with console(redis_url) as served:
        page = Page(driver, served.url)
        page.sign_in(ADMIN)
        assert page.heading().startswith(verdict)
        page.says(besides)
        for size in ((320, 800), PHONE, (640, 800), (768, 900), (960, 900), (1024, 900), DESK, (1600, 900)):
            show(driver, size)
            assert width(page) == size[0], size
            top = page.measure("document.querySelector('h1').getBoundingClientRect().bottom")
            assert top < size[1], "the verdict is on the first screen"
        for size in (PHONE, DESK):
            show(driver, size)
            assert faults(page) == [], size
            show(driver, size, "dark")
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
