"""The page of one queue: what waits, what is under way, what became of the rest, and nothing of people."""

from __future__ import annotations

import re

import pytest
import requests
from redis import Redis

from console.auth.roles import Role
from queues import batches, holds, keys
from queues.clock import now_ms
from queues.connections import accounts
from queues.history.settled import BatchOutcomes, ImportRows, Settled, columns, pack
from queues.holds import Hold
from queues.names import Queue
from queues.settlement import Settlement, Undeliverable
from tests.support.console import SECRET, Console
from tests.support.ops import VIPS, put, take
from tests.support.pages import said
from tests.support.people import names

EVENTS = Queue("default", "event", "events")


def page(served: Console, queue: Queue = VIPS, role: Role = Role.VIEWER, query: str = "") -> requests.Response:
    return served.browser(role).get(f"{served.url}/queues/{queue}{query}", timeout=30)


def settled(redis: Redis, ends: BatchOutcomes, at: int, dead: int = 0) -> str:
    """A hundred people are taken and settled at `at` (ms), the first of them as dead letters."""
    put(redis, *names(100))
    batch_id = take(redis)
    assert batch_id is not None
    batch = batches.reclaim(redis, batch_id, now_ms(), 60_000)
    assert batch is not None
    told = Settled(batch.id, batch.reason, at - 90_000, at, 2, ends, columns(batch.changes, batch.taken))
    letters = [Undeliverable(index, "email_invalid", {}) for index in range(dead)]
    batches.settle(redis, batch, Settlement(len(ends.superseded), letters, history=pack(told)), at)
    return batch_id


def test_what_waits_what_fires_next_and_what_is_open_stand_there(served: Console, redis: Redis) -> None:
    put(redis, *names(130), dead="dead@example.com")
    batch_id = take(redis)
    answer = page(served)
    assert answer.status_code == 200
    text = said(answer.text)
    for words in (
        r"VIPs default/audience/42",
        r"30 changes are taken by age, in 1[56]\s+h\s+\d+\s+min; at once when 70 more come\.",
        r"Pending 30 / 100",
        rf"{batch_id} 100 size, \d+ s ago upload a worker takes it up now",
        r"Ledger Balanced Pending 30 Open 100 Delivered 0 Superseded 0 Dead 1 Accepted 131",
        r"1 dead letter : see the reasons",
        r"100 changes, or 16\s+h\s+0\s+min after the last upload or the oldest change; at most 100 in one upload",
        r"Unknown: no_api_key: run ferry connections add default",
        r"No scheduler ran",
    ):
        assert re.search(words, text), words
    assert 'href="/dead?queue=default/audience/42"' in answer.text


def test_the_list_is_told_that_the_next_upload_goes_to(served: Console, redis: Redis) -> None:
    put(redis, "a@example.com")
    put(redis, "a@example.com", queue=EVENTS, name="")
    accounts.remember(redis, "default", accounts.AccountSettings({}, "pk_test"), accounts.Cipher([SECRET]))
    assert "List in Klaviyo None yet. The first upload uses the list named VIPs" in said(page(served).text)
    redis.hset(keys.queue(VIPS), mapping={"list_id": "XyZ123", "list_name": "VIPs"})
    assert "List in Klaviyo XyZ123, named VIPs." in said(page(served).text)
    assert "List in Klaviyo" not in page(served, EVENTS).text


def test_a_hold_stands_there_with_what_ends_it_and_how_to_release_it(served: Console, redis: Redis) -> None:
    put(redis, "a@example.com")
    holds.place(redis, VIPS, Hold("ask ann@example.com \u202efirst", now_ms()))
    holds.place(redis, "default", Hold("unauthenticated", now_ms(), "Give it a key.", probed=True))
    answer = page(served, role=Role.OPERATOR)
    text = said(answer.text)
    refused = r"Klaviyo refuses the key of default \(unauthenticated\) since \S+ \(\d+\s+s\)\. Give it a key\."
    assert re.search(refused, text)
    assert r"default/audience/42 is held (ask *** \u202efirst) since" in text
    assert "1 change is pending. Nothing is taken until the hold ends." in text
    for path in ("/connections/default/release", "/queues/default/audience/42/release"):
        assert f'href="{path}?next=/queues/default/audience/42"' in answer.text
    assert "/hold" not in answer.text.replace('href="/holds"', ""), "what is held cannot be held again"
    primary = re.findall(r'class="button primary" href="([^"?]+)', answer.text)
    assert primary == ["/connections/default/release"], "a flush takes nothing until the holds end"


def test_who_may_only_look_is_offered_nothing_to_press(served: Console, redis: Redis) -> None:
    put(redis, "a@example.com")
    acts = r'href="/queues/[^"]+/(flush|hold|release)'
    assert not re.search(acts, page(served).text)
    assert re.findall(acts, page(served, role=Role.OPERATOR).text) == ["flush", "hold"]


def test_an_upload_is_told_with_jobs_refusals_and_what_died(served: Console, redis: Redis) -> None:
    jobs = (ImportRows("job-1", tuple(range(4, 97)), 3), ImportRows("job-2", (98,)))
    ends = BatchOutcomes(jobs, superseded={0: 4, 1: 4}, dead={2: "email_invalid", 3: "email_invalid", 97: "gave_up"})
    batch_id = settled(redis, ends, 1_767_225_600_000, dead=3)
    text = said(page(served).text)
    figures = "size 100 95 0 0 0 2 2 email_invalid, 1 gave_up 94 rows job-1: 93 people, 3 refused job-2: 1 person"
    assert f"1 Jan 00:00 {batch_id} {figures} 1 min 2 failed attempts" in text


def test_uploads_are_shown_newest_first_in_pages_that_no_new_one_shifts(served: Console, redis: Redis) -> None:
    ids = [settled(redis, BatchOutcomes(), now_ms() + number) for number in range(45)]
    first = page(served).text
    settled(redis, BatchOutcomes(), now_ms() + 100)
    seen = []
    for number in range(3):
        seen += re.findall(r'<span class="id">(\d\d-\w{32})</span>', first)
        link = re.search(r'href="/queues/default/audience/42(\?before=[^"]+)">Earlier', first)
        assert (link is None) == (number == 2)
        first = page(served, query=link[1]).text if link else ""
    assert seen == ids[::-1]
    assert "No earlier uploads in the last 30 days" in page(served, query="?before=00-forgotten%201").text


def test_a_queue_whose_name_holds_a_slash_has_its_page(served: Console, redis: Redis) -> None:
    odd = Queue("default", "audience", 'a/b "c" ä%2F')
    put(redis, "a@example.com", queue=odd, name="Odd")
    answer = page(served, odd, Role.OPERATOR)
    assert (answer.status_code, "Odd" in said(answer.text)) == (200, True)
    link = re.search(r'href="(/queues/[^"]+)/flush"', answer.text)
    assert link is not None
    assert served.browser(Role.OPERATOR).get(f"{served.url}{link[1]}/flush", timeout=30).status_code == 200


@pytest.mark.parametrize("path", ["default/audience/43", "default/audience/%00", "/audience/42", "default//42"])
def test_a_queue_that_there_is_not_is_told_so(served: Console, path: str) -> None:
    answer = served.browser(Role.VIEWER).get(f"{served.url}/queues/{path}", timeout=30)
    assert (answer.status_code, "No such queue" in said(answer.text)) == (404, True)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMIN], ids=str)
def test_nobody_sees_anything_personal(served: Console, redis: Redis, role: Role) -> None:
    settled(redis, BatchOutcomes(dead={0: "email_invalid"}), now_ms(), dead=1)
    put(redis, *names(130), dead="dead@example.com")
    take(redis)
    assert "example.com" not in page(served, role=role).text


def test_what_a_page_asks_for_by_itself_is_the_live_part_without_the_uploads(served: Console, redis: Redis) -> None:
    batch_id = settled(redis, BatchOutcomes(), now_ms())
    browser = served.browser(Role.VIEWER)
    address = f"{served.url}/queues/{VIPS}"
    by_itself = browser.get(address, headers={"HX-Request": "true"}, timeout=30).text
    live = by_itself.partition('<div id="live"')[2]
    assert "Pending 0 Open 0 Delivered 100 Superseded 0 Dead 0 Accepted 100" in said(by_itself)
    assert ('id="as-of"' in live, batch_id in by_itself) == (True, False)
    assert batch_id in browser.get(address, timeout=30).text
