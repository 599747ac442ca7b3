"""The pages over real HTTP: what stands on them, for whom, and nothing of people."""

from __future__ import annotations

import re

import pytest
import requests
from redis import Redis

from console.auth.roles import Role
from queues import holds, keys
from queues.clock import now_ms
from queues.holds import Hold
from tests.support.console import Console
from tests.support.ops import LAPSED, VIPS, put, take
from tests.support.people import names


def overview(served: Console, role: Role = Role.VIEWER) -> str:
    answer = served.browser(role).get(f"{served.url}/", timeout=30)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html;charset=utf-8")
    return answer.text


def page_of(served: Console, path: str) -> str:
    return served.browser(Role.VIEWER).get(served.url + path, timeout=30).text


def said(page: str) -> str:
    """The text of a page, as a person reads it."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def test_who_is_not_signed_in_comes_to_the_sign_in_page_and_sees_nothing(served: Console, redis: Redis) -> None:
    put(redis, "ann@example.com")
    answer = requests.get(f"{served.url}/", headers={"Accept": "text/html"}, timeout=30, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
    assert "VIPs" not in answer.text
    assert requests.get(f"{served.url}/", timeout=30).status_code == 401, "a program is told so"


def test_an_empty_ledger_says_what_to_do_with_an_address_that_is_right(served: Console) -> None:
    text = said(overview(served))
    assert "Send a test change" in text
    assert "No queues yet" in text
    assert f"curl {served.url}/v1/changes" in text
    assert f"curl {served.url}/v1/changes" in said(page_of(served, "/?q=nothing")), "whatever the filter"


def test_a_queue_stands_there_with_what_waits_what_fires_next_and_what_is_open(served: Console, redis: Redis) -> None:
    put(redis, *names(130), dead="dead@example.com")
    take(redis)
    page = overview(served)
    text = said(page)
    for words in (
        "Delivering VIPs default/audience/42 default 30 / 100 30 / 100 0 s in 15 h 59 min 100 0 1 dead",
        "Pending 30 in 1 of 1 queue",
        "In delivery 100 1 batch",
    ):
        assert re.search(words.replace("0 s", r"\d+ s"), text), words
    assert "131 accepted = 30 pending + 100 open + 0 delivered + 1 dead + 0 superseded" in text
    assert 'max="100" value="30" aria-label="Pending changes of the flush size">' in page
    assert 'max="57600000" value="' in page
    assert "No queues yet" not in text


def test_holds_stand_there_with_reason_and_resolution(served: Console, redis: Redis) -> None:
    put(redis, "a@example.com")
    put(redis, "b@example.com", queue=LAPSED, name="Lapsed")
    holds.place(redis, VIPS, Hold("list_gone", now_ms(), "Restore the list."))
    holds.place(redis, "brand-b", Hold("unauthenticated", now_ms(), "Give it a key.", probed=True))
    text = said(overview(served))
    assert "The Klaviyo list of VIPs does not exist (list_gone)" in text
    assert "1 change waits. Restore the list." in text
    assert "Blocked Lapsed" in text
    assert "Klaviyo refuses the key of brand-b (unauthenticated)" in text
    assert "Give it a key. Ends automatically when the cause is gone." in text
    assert "Held brand-b" in said(page_of(served, "/connections"))


def test_processes_that_are_missing_are_cried_out_and_those_alive_told(served: Console, redis: Redis) -> None:
    redis.set(keys.HEARTBEAT, now_ms())
    put(redis, "ann@example.com")
    text = said(overview(served))
    assert re.search(r"Scheduler: ticked \d+\s+s ago. Workers: none.", text)
    assert "No worker is running Nothing is delivered. Start ferry worker or ferry up" in text
    assert re.search(r"Scheduler ticked \d+\s+s ago Workers none", said(page_of(served, "/connections")))
    assert "No scheduler ran" not in text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ADMIN], ids=str)
def test_nobody_sees_anything_personal(served: Console, redis: Redis, role: Role) -> None:
    put(redis, *names(130), dead="dead@example.com")
    take(redis)
    holds.place(redis, VIPS, Hold("ask ann@example.com, +49 151 23456789", now_ms()))
    page = overview(served, role)
    assert "VIPs" in page
    assert "example.com" not in page
    assert "23456789" not in page


def test_a_name_cannot_become_markup_and_the_policy_needs_no_exception(served: Console, redis: Redis) -> None:
    put(redis, "a@example.com", name="<img src=x onerror=alert(1)>")
    page = overview(served)
    assert "&lt;img src=x" in page
    assert not re.search(r"<img|<[^>\"]*\s(style|on\w+)=", page)
    own = re.findall(r'<script src="/static/[\w.]+\?v=\w+" defer></script>', page)
    assert page.count("<script") == len(own)
