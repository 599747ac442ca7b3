"""Retries, syncs, and the dead letters as a file: what stands there, for whom, and nothing of people."""

from __future__ import annotations

import re

import pytest
from redis import Redis

from console.auth.roles import Role
from console.pages.syncs import rejected_csv
from queues import holds
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.census import take_census
from queues.clock import now_ms
from queues.holds import Hold
from queues.names import Queue
from queues.policy import FlushPolicy
from queues.snapshots import guard, orders
from queues.snapshots.orders import Counts, Record, SnapshotOrder, State
from tests.support.console import Console
from tests.support.ops import VIPS, change, put
from tests.support.pages import said
from tests.support.world import World

SNAPSHOTS = Queue("default", "snapshot", "42")


def page(served: Console, path: str, role: Role = Role.VIEWER) -> str:
    answer = served.browser(role).get(served.url + path, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_a_batch_that_waits_after_an_error_stands_there_with_why_and_is_tried_again_when_asked(
    world: World, served: Console
) -> None:
    world.change("add", "ann@example.com")
    world.fault("500", "/api/profile-bulk-import-jobs", times=1)
    batch_id = world.deliver(rings=1)
    text = said(page(served, "/retries"))
    assert re.search(rf"Retrying VIPs {batch_id} 1 upload · http_500 since \d\d:\d\d", text)
    assert "Retry now" not in text
    (opened,) = take_census(world.redis).queues[0].batches
    browser = served.browser(Role.OPERATOR)
    csrf = served.csrf(browser, "/retries")
    before = now_ms()
    answer = browser.post(f"{served.url}/queues/{VIPS}/retry", {"csrf": csrf}, timeout=30)
    assert f"You asked for the next attempt in {VIPS} now." in said(answer.text)
    (hastened,) = take_census(world.redis).queues[0].batches
    assert before <= hastened.ring <= now_ms() or hastened.ring < opened.ring


def test_without_errors_the_page_says_what_would_stand_there_and_shows_the_last_uploads(
    world: World, served: Console
) -> None:
    world.change("add", "ann@example.com", {"email": "no address"})
    world.deliver()
    text = said(page(served, "/retries"))
    assert "No retries" in text
    assert re.search(r"VIPs operator 2 1 0 1 \d+ s", text)


def snapshot(redis: Redis, state: State, counts: Counts | None, at: int) -> Record:
    order = SnapshotOrder(orders.new_id(SNAPSHOTS), at, "csv")
    record = Record(str(SNAPSHOTS), order, at, 1, state, counts, {"email_invalid": [3, 17]}, ended=at + 5_000)
    orders.submit(redis, SNAPSHOTS, record, b'{"name": "VIPs"}', at)
    return record


COUNTS = Counts(rows=40, customers=40, people=38, shrink={"email_invalid": 5}, held=200, adds=1, removals=163)


def test_syncs_stand_there_newest_first_with_their_figures_and_the_held_one_above(
    redis: Redis, served: Console
) -> None:
    now = now_ms()
    done = snapshot(redis, "delivered", COUNTS, now - 60_000)
    snapshot(redis, "superseded", None, now - 50_000)
    snapshot(redis, "held", COUNTS, now)
    holds.place(redis, SNAPSHOTS, Hold(guard.GUARD, now, "It takes 163 of 200 people off the list."))
    shown = page(served, "/syncs", Role.OPERATOR)
    text = said(shown)
    assert "VIPs Held by the guard This sync would remove 163 people, 81% of the list." in text
    assert "Confirm removal of 163…" in text
    assert text.index("Held VIPs") < text.index("Replaced VIPs") < text.index("Done VIPs")
    assert "Confirm removal" not in page(served, "/syncs")
    assert said(page(served, "/syncs?state=done")).count(" VIPs ") < text.count(" VIPs ")
    file = served.browser(Role.VIEWER).get(f"{served.url}/syncs/{done.order.snapshot}/rejected.csv", timeout=30)
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert file.text == rejected_csv(done)
    assert file.text.splitlines()[1:] == ["email_invalid,3", "email_invalid,17", "email_invalid,and 3 other rows"]


@pytest.mark.parametrize("snapshot_id", ["07-0123456789abcdef0123456789abcdef", "none", "%00"])
def test_of_an_unknown_snapshot_there_is_no_file(served: Console, snapshot_id: str) -> None:
    answer = served.browser(Role.VIEWER).get(f"{served.url}/syncs/{snapshot_id}/rejected.csv", timeout=30)
    assert (answer.status_code, "No such snapshot" in answer.text) == (404, True)


def test_the_file_of_dead_letters_follows_the_filter_names_no_person_and_holds_no_formula(
    redis: Redis, served: Console
) -> None:
    put(redis, "ann@example.com", name="=1+1")
    dead = [DeadOnArrival(change(f"{name}@example.com"), name, "$") for name in ("malformed", "no_identity")]
    accept(redis, Acceptance(VIPS, FlushPolicy(), "", [], dead), now_ms())
    file = served.browser(Role.VIEWER).get(f"{served.url}/dead.csv", timeout=30)
    assert len(file.text.splitlines()) == 3
    assert "@" not in file.text
    assert ",=1+1" not in file.text
    one = served.browser(Role.VIEWER).get(f"{served.url}/dead.csv?reason=malformed", timeout=30)
    assert [line.split(",")[4] for line in one.text.splitlines()] == ["reason", "malformed"]
