"""Retries, syncs, and the dead letters as a file: what stands there, for whom, and nothing of people."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, cast, get_args

import pytest
from redis import Redis

from console.auth.roles import Role
from console.pages import syncs
from queues import holds, keys
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.census import take_census
from queues.clock import now_ms
from queues.holds import Hold
from queues.names import Queue
from queues.policy import FlushPolicy
from queues.snapshots import guard, orders
from queues.snapshots.orders import Counts, Record, SnapshotOrder, State
from queues.snapshots.records import Outcomes
from tests.support.console import Console, console
from tests.support.mirrored import Mirrored
from tests.support.ops import VIPS, change, put
from tests.support.pages import said
from tests.support.world import World

SNAPSHOTS = Queue("default", "snapshot", "42")
AUDIENCE = orders.audience_of(SNAPSHOTS)


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
    assert re.search(rf"Failing VIPs {batch_id} 1 upload · http_500 since \d\d:\d\d", text)
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


def snapshot(redis: Redis, state: State, counts: Counts | None, at: int, **more: Any) -> Record:
    order = SnapshotOrder(orders.new_id(SNAPSHOTS), at, "csv")
    record = Record(str(SNAPSHOTS), order, at, 1, state, counts, ended=at + 5_000, **more)
    orders.submit(redis, SNAPSHOTS, record, b'{"name": "VIPs"}', at)
    return record


COUNTS = Counts(rows=40, customers=40, people=35, shrink={"email_invalid": 5}, held=200, adds=1, removals=163)


def test_syncs_stand_there_newest_first_with_their_figures_and_the_held_one_above(
    redis: Redis, served: Console
) -> None:
    now = now_ms()
    snapshot(redis, "delivered", COUNTS, now - 60_000)
    snapshot(redis, "superseded", None, now - 50_000)
    snapshot(redis, "held", COUNTS, now)
    holds.place(redis, SNAPSHOTS, Hold(guard.GUARD, now, "It takes 163 of 200 people off the list."))
    shown = page(served, "/syncs", Role.OPERATOR)
    text = said(shown)
    assert "VIPs Held by the guard This sync would remove 163 people, 81% of the list." in text
    assert "Remove 163 people…" in text
    assert text.index("Held VIPs") < text.index("Superseded VIPs") < text.index("Delivered VIPs")
    assert "Remove 163 people…" not in page(served, "/syncs")
    assert said(page(served, "/syncs?state=delivered")).count(" VIPs ") < text.count(" VIPs ")


def test_a_sync_that_is_held_a_second_time_says_who_has_left_and_who_would(redis: Redis, served: Console) -> None:
    counts = Counts(rows=40, customers=40, people=40, held=200, adds=40, removals=60, kept=110, leaving=100)
    snapshot(redis, "held", counts, now_ms(), outcomes=Outcomes(changes=100, delivered=100))
    holds.place(redis, SNAPSHOTS, Hold(guard.GUARD, now_ms(), "It takes 160 of 200 people off the list."))
    text = said(page(served, "/syncs", Role.OPERATOR))
    assert (
        "This sync would remove 100 people, 50% of the list, besides those who left. Nobody else leaves until" in text
    )
    assert re.search(r"Added 40 Updated .* 0 Removed 60 Would remove .* 100 Unchanged 0 Kept .* 10 ", text)
    assert re.search(r"Held VIPs .*\d\d:\d\d 40 40 0 60 0 ", text)


def test_of_very_many_runs_the_newest_are_shown_and_all_that_the_guard_holds(
    redis: Redis, served: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncs, "_MOST", 2)
    now = now_ms()
    snapshot(redis, "held", COUNTS, now - 90_000)
    holds.place(redis, SNAPSHOTS, Hold(guard.GUARD, now, "It takes 163 of 200 people off the list."))
    other = Queue("default", "snapshot", "43")
    for age in (80_000, 70_000, 60_000):
        order = SnapshotOrder(orders.new_id(other), now - age, "csv")
        orders.submit(redis, other, Record(str(other), order, now - age, 1, "delivered"), b'{"name": "Others"}', now)
    text = said(page(served, "/syncs"))
    assert "VIPs Held by the guard" in text
    assert (text.count("Delivered Others"), text.count("Held VIPs")) == (2, 1)


@pytest.mark.parametrize("state", get_args(State))
def test_each_state_of_a_run_is_shown_and_found_by_its_name(redis: Redis, served: Console, state: State) -> None:
    known = snapshot(redis, state, COUNTS, now_ms(), outcomes=Outcomes(changes=164))
    put(redis, "ann@example.com")  # the queue is not idle, so the changes are pending
    shown = said(page(served, f"/syncs?state={state}"))
    word = state.capitalize()
    assert f"All {word} 1 " in shown
    assert re.search(rf"{word} VIPs (.*)\d\d:\d\d 40 1 0 163 0 5 ", shown)
    assert f"/syncs/{known.order.snapshot}/rejected.csv" in page(served, "/syncs")
    others = {*get_args(State)} - {state}
    assert all("No syncs" in said(page(served, f"/syncs?state={other}")) for other in others)


def test_a_run_shows_what_became_of_its_changes_and_lists_every_rejected_row(lists: Mirrored, redis_url: str) -> None:
    rejected = [f"no address {number}" for number in range(25)]
    lists.sync("gone@example.com", "ann@example.com")
    lists.off_list("gone@example.com")
    holds.place(lists.redis, AUDIENCE, Hold("operator", now_ms()))
    name = lists.send({"email": "bob@example.com", "phone": "12"}, *rejected, {"plan": "gold"}, "ann@example.com")
    for _ in range(6):
        lists.system.work()
    with console(redis_url) as served:
        held = said(page(served, "/syncs"))
        assert re.search(r"Delivering Audience 42 2 changes not settled yet .* 28 1 0 1 1 26 \W ", held), held
    holds.release(lists.redis, AUDIENCE)
    lists.settle()
    with console(redis_url) as served:
        done = said(page(served, "/syncs"))
        assert re.search(r"Delivered Audience 42 1 person to remove not found on the list .* 28 1 0 1 1 26 \d", done), (
            done
        )
        assert "Left out of 1 row: phone_number (phone_invalid)" in done
        assert 'title="email_invalid 25, identity_missing 1"' in page(served, "/syncs")
        file = served.browser(Role.VIEWER).get(f"{served.url}/syncs/{name}/rejected.csv", timeout=30)
    assert file.headers["Content-Disposition"].startswith("attachment")
    rows = [*((number, "email_invalid") for number in range(2, 27)), (27, "identity_missing")]
    assert file.text.splitlines() == ["row,reason", *(f"{number},{reason}" for number, reason in rows)]


def test_a_run_with_dead_letters_and_one_that_could_not_be_read_have_failed(lists: Mirrored, redis_url: str) -> None:
    lists.sync("ann@example.com", "fail+invalid@example.com")
    lists.send_body(b"{", "ndjson")
    lists.settle()
    with console(redis_url) as served:
        shown = said(page(served, "/syncs"))
    assert re.search(r"Failed Audience 42 snapshot_unreadable: ", shown), shown
    assert re.search(
        r"Failed Audience 42 1 of its changes are dead letters: ferry dead list shows why 1 dead letter \(", shown
    )


def test_runs_of_an_earlier_version_are_shown_and_their_unknown_row_numbers_are_counted(
    redis: Redis, served: Console
) -> None:
    states = {
        "waiting": "Queued",
        "planning": "Reading",
        "applying": "Comparing",
        "done": "Delivered",
        "refused": "Failed",
    }
    at = now_ms()
    for state in states:
        known = snapshot(redis, "delivered", COUNTS, at, examples={"email_invalid": [3, 17]})
        stored = json.loads(cast("bytes", redis.get(keys.snapshot(known.order.snapshot))))
        fields = {name: stored[name] for name in stored if name not in ("outcomes", "columns", "left_out", "encoding")}
        redis.set(keys.snapshot(known.order.snapshot), json.dumps(fields | {"state": state}))
    shown = said(page(served, "/syncs"))
    assert Counter(re.findall(r"(\w+) VIPs", shown)) == Counter(states.values())
    file = served.browser(Role.VIEWER).get(f"{served.url}/syncs/{known.order.snapshot}/rejected.csv", timeout=30)
    assert file.text.splitlines() == ["row,reason", "5 more,email_invalid"]


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 5_000])
def test_what_is_no_page_number_is_the_first_page(redis: Redis, served: Console, page: str) -> None:
    snapshot(redis, "delivered", COUNTS, now_ms())
    answer = served.browser(Role.VIEWER).get(f"{served.url}/syncs?page={page}", timeout=30)
    assert (answer.status_code, "VIPs" in answer.text) == (200, True)


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
