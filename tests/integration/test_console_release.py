"""Releasing in a browser: what Ferry placed is looked at first, what the guard holds is shown with its numbers."""

from __future__ import annotations

import pytest
import requests
from redis import Redis

from console.auth.roles import Role
from queues import batches, holds
from queues.clock import now_ms
from queues.holds import Hold
from queues.snapshots import guard, orders
from queues.snapshots.orders import Counts, Record, SnapshotOrder
from tests.support.console import Console
from tests.support.ops import put
from tests.support.pages import buttons, press, said
from tests.support.syncing import SNAPSHOTS
from tests.support.world import QUEUE, World


@pytest.fixture
def browser(linked: Console) -> requests.Session:
    return linked.browser(Role.OPERATOR)


def resolve(linked: Console, browser: requests.Session, path: str) -> requests.Response:
    """From the holds to the release of one."""
    page = browser.get(f"{linked.url}/holds", timeout=30).text
    assert f'href="{path}/release?next=/holds"' in page
    return browser.get(f"{linked.url}{path}/release?next=/holds", timeout=30)


def test_a_connection_is_released_when_its_key_works_again_and_not_before(
    linked: Console, browser: requests.Session, world: World
) -> None:
    world.control("keys", keys=[{"key": "pk_test", "revoked": True}])
    world.change("add", "a@example.com")
    batch_id = world.deliver(rings=1)
    asked = resolve(linked, browser, "/connections/default")
    assert "unauthenticated" in said(asked.text)
    assert "Ferry first asks Klaviyo whether the cause is gone." in said(asked.text)
    refused = press(browser, asked, "Release default")
    assert refused.status_code == 409
    why = "It stays held: connection on hold (unauthenticated). Give the connection a valid private key"
    assert why in said(refused.text)
    assert "default" in holds.of_connections(world.redis)
    world.control("keys", keys=[{"key": "pk_test"}])
    after = press(browser, refused, "Check again and release")
    assert (after.url, "You released default" in said(after.text)) == (f"{linked.url}/holds", True)
    assert "No holds A connection" in said(after.text)
    assert batches.to_ring(world.redis, now_ms()) == [batch_id]


def test_what_is_still_wrong_may_be_released_all_the_same(
    linked: Console, browser: requests.Session, world: World
) -> None:
    world.settings = {"listId": "GONE42"}
    world.change("add", "a@example.com")
    world.deliver(rings=1)
    asked = resolve(linked, browser, f"/queues/{QUEUE}")
    assert buttons(asked.text) == ["Release VIPs"], "not offered before it was looked at"
    refused = press(browser, asked, "Release VIPs")
    assert (refused.status_code, "name another one" in said(refused.text)) == (409, True)
    assert press(browser, refused, "Release without check").url == f"{linked.url}/holds"
    assert holds.of_queue(world.redis, QUEUE) is None


def test_no_verdict_of_klaviyos_releases_nothing(linked: Console, browser: requests.Session, world: World) -> None:
    world.change("add", "a@example.com")
    holds.place(world.redis, "default", Hold("unauthenticated", now_ms(), "Give it a key.", probed=True))
    world.fault("500", "/api/accounts")
    refused = press(browser, resolve(linked, browser, "/connections/default"), "Release default")
    assert (refused.status_code, "Ferry cannot check whether the cause is gone" in said(refused.text)) == (409, True)
    assert "default" in holds.of_connections(world.redis)


def guarded(redis: Redis, at: int) -> Record:
    """A snapshot that the guard holds."""
    order = SnapshotOrder(orders.new_id(SNAPSHOTS), at, "csv")
    counts = Counts(rows=40, customers=40, people=38, shrink={"email_invalid": 2}, held=200, adds=1, removals=163)
    record = Record(str(SNAPSHOTS), order, at, 1, "held", counts, {"email_invalid": [3, 17]})
    orders.submit(redis, SNAPSHOTS, record, b'{"name": "VIPs"}', at)
    holds.place(redis, SNAPSHOTS, Hold(guard.GUARD, at, "The snapshot takes 163 of 200 people off the list."))
    return record


def test_a_guarded_snapshot_shows_its_numbers_before_it_is_confirmed(
    linked: Console, browser: requests.Session, redis: Redis
) -> None:
    put(redis, "a@example.com")
    record = guarded(redis, now_ms())
    asked = resolve(linked, browser, f"/queues/{SNAPSHOTS}")
    text = said(asked.text)
    assert "Remove 163 people from VIPs?" in text
    assert f"Snapshot {record.order.snapshot} will be carried out" in text
    assert "Rejected 2 email_invalid (rows 3, 17)" in text
    assert (
        "To be on the list 38 200 before Would add 1 Would update 0 on the list, with other attributes Would remove 163"
        in text
    )
    assert not guard.is_confirmed(redis, SNAPSHOTS, record.order.snapshot)
    press(browser, asked, "Remove 163 people")
    assert guard.is_confirmed(redis, SNAPSHOTS, record.order.snapshot)
    assert holds.of_queue(redis, SNAPSHOTS) is None


def test_another_snapshot_than_the_one_that_was_looked_at_is_not_confirmed(
    linked: Console, browser: requests.Session, redis: Redis
) -> None:
    at = now_ms()
    guarded(redis, at)
    asked = resolve(linked, browser, f"/queues/{SNAPSHOTS}")
    newer = guarded(redis, at + 1)
    again = press(browser, asked, "Remove 163 people")
    assert (again.status_code, newer.order.snapshot in said(again.text)) == (409, True)
    assert holds.of_queue(redis, SNAPSHOTS) is not None
    assert not guard.is_confirmed(redis, SNAPSHOTS, newer.order.snapshot)


def test_holds_stand_there_with_steps_probes_error_ids_and_what_waits(
    linked: Console, browser: requests.Session, world: World
) -> None:
    world.control("keys", keys=[{"key": "pk_test", "revoked": True}])
    world.change("add", "a@example.com", "b@example.com")
    world.deliver(rings=1)
    world.change("add", "c@example.com")
    for _ in range(3):
        holds.confirm(world.redis, "default")
    holds.place(world.redis, QUEUE, Hold("ask ann@example.com", now_ms()))
    text = said(browser.get(f"{linked.url}/holds", timeout=30).text)
    for words in (
        "default unauthenticated , held since",
        "1 change pending, 2 changes in batches in progress.",
        "Give the connection a valid private key (pk_...), then release it. Ferry checks every 3 min whether the cause",
        "is gone, and then ends the hold. 3 checks so far found it still there.",
        "Until then Ferry tells mParticle to suspend the audiences: resume them in mParticle afterwards.",
        f"Klaviyo's error id: {holds.of_connections(world.redis)['default'].error_id}",
        "VIPs default/audience/42 ask *** , held since",
        "Ask the person who placed the hold. Then release it: the hold does not end automatically.",
    ):
        assert words in text, words
    assert "example.com" not in text
    assert text.index("default unauthenticated") < text.index("VIPs default/audience/42")


def test_who_may_only_look_sees_the_holds_and_no_way_to_end_them(linked: Console, redis: Redis) -> None:
    holds.place(redis, "default", Hold("maintenance", now_ms()))
    page = linked.browser(Role.VIEWER).get(f"{linked.url}/holds", timeout=30).text
    assert ("maintenance" in page, "Release…" in page) == (True, False)
