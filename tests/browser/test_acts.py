"""What somebody presses in the states of the system, from the page that asks for it to the sentence that answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from redis import Redis
from selenium.webdriver.common.by import By

from configuration.alerts import Alerting
from emulator.server import running
from queues import holds
from queues.census import count
from queues.connections import accounts
from queues.connections.accounts import Cipher
from queues.names import Queue
from queues.snapshots import orders
from tests.browser.chromium import Chromium, as_new, complaints
from tests.browser.page import Page
from tests.browser.states import STATES, everything_runs
from tests.support.alerts import receiving
from tests.support.console import ADMIN, SECRET, console
from tests.support.ops import VIPS, put

FIRST = Queue("default", "audience", "00000")


class Scene:
    """Consoles in states of their own, which may be acted on."""

    def __init__(self, driver: Chromium, redis: Redis, url: str) -> None:
        self._driver, self._url = driver, url
        self.redis = redis

    @contextmanager
    def of(self, state: str, path: str, **settings: Any) -> Iterator[Page]:
        """A page in that state, for an admin; no page has an error meanwhile."""
        everything_runs(self.redis)
        STATES[state].make(self.redis)
        as_new(self._driver)
        complaints(self._driver)
        with console(self._url, **settings) as served:
            page = Page(self._driver, served.url)
            page.sign_in(ADMIN)
            page.open(path)
            yield page
            assert complaints(self._driver) == []


@pytest.fixture
def scene(driver: Chromium, redis: Redis, redis_url: str) -> Scene:
    """On an empty server."""
    return Scene(driver, redis, redis_url)


def asked(redis: Redis, queue: Queue) -> int:
    """How many changes of a queue an operator wants to be sent."""
    (found,) = count(redis, [queue])
    return found.waiting.asked


def test_a_queue_is_flushed(scene: Scene) -> None:
    with scene.of("3 queues", "/") as page:
        page.press(f"Flush {FIRST}")
        page.says("1 change in 1 queue")
        page.press("Flush Customers 00000 now")
        page.says(f"You flushed 1 change of {FIRST}")
        assert asked(scene.redis, FIRST) == 1


@pytest.mark.parametrize(
    ("state", "trouble"), [("scheduler dead", "No scheduler ran"), ("worker dead", "No worker is running")]
)
def test_who_flushes_although_nothing_runs_is_warned_before(scene: Scene, state: str, trouble: str) -> None:
    with scene.of(state, "/") as page:
        page.press("Flush all queues…")
        page.says(trouble, "6 changes in 3 queues")
        page.press("Flush all queues now")
        page.says("You flushed 6 changes of 3 queues", trouble)
        assert asked(scene.redis, FIRST) == 1


def test_a_queue_is_held_and_released(scene: Scene) -> None:
    with scene.of("3 queues", f"/queues/{FIRST}") as page:
        page.press("Hold")
        page.fill("Reason", "the mapping is being corrected")
        page.press("Hold Customers 00000")
        page.says(f"You held {FIRST}", "the mapping is being corrected")
        page.open("/holds")
        page.press(f"Release {FIRST}…")
        page.press("Release Customers 00000")
        page.says(f"You released {FIRST}", "No holds")
        assert holds.of_queue(scene.redis, FIRST) is None


def test_a_connection_whose_key_is_still_refused_is_released_only_without_the_check(scene: Scene) -> None:
    with scene.of("key refused", "/") as page:
        with page.leaving():
            page.driver.find_element(By.CSS_SELECTOR, ".causes a").click()
        page.says("Give it a key")
        page.press("Release brand-b…")
        page.press("Release brand-b")
        page.says("It stays held")
        assert "brand-b" in holds.of_connections(scene.redis)
        complaints(page.driver)  # the answer that it stays held is a 409
        page.press("Release without check")
        page.says("You released brand-b")
        assert holds.of_connections(scene.redis) == {}


def test_a_batch_is_retried_now(scene: Scene) -> None:
    with scene.of("Klaviyo down", "/retries") as page:
        page.press(f"Retry {VIPS} now")
        page.says(f"You asked for the next attempt in {VIPS} now")


def test_the_removals_of_a_held_snapshot_are_confirmed(scene: Scene) -> None:
    snapshots = orders.queue_of("default", VIPS.target)
    with scene.of("snapshot held", "/syncs") as page:
        page.press("Remove 163 people…")
        page.says("Remove 163 people from VIPs?", "will be carried out")
        page.press("Remove 163 people")
        assert page.path() == "/syncs"
        assert holds.of_queue(scene.redis, snapshots) is None


def test_the_letters_of_a_reason_are_replayed(scene: Scene) -> None:
    put(scene.redis, dead="dead@example.com")
    with scene.of("3 queues", "/dead") as page:
        page.press("Replay 1 anyway…: malformed")
        page.says("put back into their queues")
        page.press("Replay 1 dead letter")
        page.says("You replayed 1 dead letter", "No dead letters")
        assert count(scene.redis, [VIPS])[0].waiting.pending == 1


def test_a_test_alert_is_sent(scene: Scene) -> None:
    with receiving() as posts, scene.of("empty", "/alerts", alerts=Alerting(slack=posts.url)) as page:
        page.press("Send a test")
        page.says("slack: the test arrived")
        assert "This is a test" in posts.texts[0]


def test_a_connection_gets_a_key_and_then_another_each_after_a_test(scene: Scene) -> None:
    with running(job_seconds=0) as klaviyo, scene.of("key refused", "/holds", klaviyo_base_url=klaviyo) as page:
        page.press("Key of brand-b")
        page.press("Add a key…")
        page.fill("Klaviyo private key", "pk_first")
        page.press("Test and add")
        page.says("brand-b was added")
        page.open("/connections/brand-b/key")
        page.fill("Klaviyo private key", "pk_second")
        page.press("Test and replace")
        page.says("brand-b has the new key", "Revoke the old key in Klaviyo")
        assert "pk_second" not in page.driver.page_source
        assert accounts.key_of(scene.redis, "brand-b", Cipher([SECRET])) == "pk_second"
