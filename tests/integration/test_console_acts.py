"""What operators do in a browser: each act says first what it comes to, does that, is written down, and told after."""

from __future__ import annotations

import re

import pytest
import requests
from redis import Redis

from console.auth.roles import Role
from queues import audit, holds, keys
from queues.census import count
from queues.clock import now_ms
from queues.holds import Hold
from queues.names import Queue
from tests.support.console import Console
from tests.support.ops import LAPSED, VIPS, put, take
from tests.support.pages import buttons, press, said
from tests.support.people import names

OF_VIPS = f"/queues/{VIPS}"


@pytest.fixture
def browser(served: Console) -> requests.Session:
    return served.browser(Role.OPERATOR)


def get(served: Console, browser: requests.Session, path: str) -> requests.Response:
    answer = browser.get(served.url + path, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer


def noted(redis: Redis) -> list[tuple[str, str, str, dict[str, int]]]:
    """What the operator did, oldest first."""
    entries = [entry for entry in audit.read(redis, 100) if entry.what != "sign-in"]
    assert {entry.who for entry in entries} <= {"web:operator"}
    return [(entry.what, entry.on, entry.outcome, entry.counts) for entry in reversed(entries)]


def test_a_flush_says_what_it_would_send_and_sends_it(served: Console, browser: requests.Session, redis: Redis) -> None:
    put(redis, *names(30))
    asked = get(served, browser, f"{OF_VIPS}/flush")
    assert "VIPs default/audience/42 30 0 s 1 upload now" in re.sub(r"\d+\s+s\b", "0 s", said(asked.text))
    assert "No scheduler ran within the last minute" in said(asked.text)
    assert count(redis, [VIPS])[0].waiting.asked == 0, "a page that asks does nothing"
    put(redis, *names(10, 30))
    after = press(browser, asked, "Flush VIPs now")
    assert after.url == served.url + OF_VIPS
    assert "UTC: You flushed 40 changes of default/audience/42" in said(after.text)
    assert "40 changes are taken by operator, now." in said(after.text)
    assert count(redis, [VIPS])[0].waiting.asked == 40
    assert redis.llen(keys.WAKE) == 1
    assert noted(redis) == [("flush", str(VIPS), "done", {"changes": 40})]


def test_of_all_queues_those_are_flushed_in_which_something_waits(
    served: Console, browser: requests.Session, redis: Redis
) -> None:
    put(redis, *names(30))
    put(redis, *names(250), queue=LAPSED, name="Lapsed")
    put(redis, *names(100), queue=Queue("default", "audience", "empty"), name="Empty")
    take(redis, Queue("default", "audience", "empty"))
    holds.place(redis, "brand-b", Hold("maintenance", now_ms()))
    asked = get(served, browser, "/flush")
    text = re.sub(r"\d+\s+s\b", "0 s", said(asked.text))
    assert "280 changes in 2 queues" in text
    assert "Lapsed brand-b/audience/43 250 0 s held (maintenance): 3 uploads after release" in text
    assert "Empty" not in text
    after = press(browser, asked, "Flush all queues now")
    assert (after.url, after.status_code) == (f"{served.url}/", 200)
    assert "You flushed 280 changes of 2 queues" in said(after.text)
    assert sorted(on for _, on, _, _ in noted(redis)) == [str(LAPSED), str(VIPS)]


def test_where_nothing_waits_there_is_nothing_to_press(
    served: Console, browser: requests.Session, redis: Redis
) -> None:
    put(redis, *names(100))
    take(redis)
    for path in ("/flush", f"{OF_VIPS}/flush"):
        page = get(served, browser, path).text
        assert ("No pending changes" in page, buttons(page)) == (True, [])


def test_a_queue_is_held_with_a_reason_and_released(served: Console, browser: requests.Session, redis: Redis) -> None:
    put(redis, *names(130))
    take(redis)
    asked = get(served, browser, f"{OF_VIPS}/hold")
    assert "30 changes are pending. Pending changes stay in the queue" in said(asked.text)
    assert "1 batch in progress stops before the next step: 100 changes." in said(asked.text)
    after = press(browser, asked, "Hold VIPs", reason=" wrong <list> ")
    assert "You held default/audience/42. Nothing is sent until it is released." in said(after.text)
    held = holds.of_queue(redis, VIPS)
    assert held is not None
    assert (held.reason, held.probed) == ("wrong <list>", False)
    assert "wrong &lt;list&gt;" in after.text
    asked = get(served, browser, f"{OF_VIPS}/release")
    assert "1 batch in progress continues at once: 100 changes." in said(asked.text)
    assert "asks Klaviyo" not in said(asked.text), "what a person holds has no cause to look at"
    after = press(browser, asked, "Release VIPs")
    assert after.url == served.url + OF_VIPS
    assert "You released default/audience/42. Delivery continues." in said(after.text)
    assert holds.of_queue(redis, VIPS) is None
    assert noted(redis) == [("hold", str(VIPS), "done", {}), ("release", str(VIPS), "done", {})]


def test_a_connection_is_held_and_released_and_what_was_done_stands_with_the_holds(
    served: Console, browser: requests.Session, redis: Redis
) -> None:
    put(redis, "a@example.com")
    asked = get(served, browser, "/connections/default/hold")
    assert "1 queue stops. 1 change is pending." in said(asked.text)
    after = press(browser, asked, "Hold default", reason="maintenance")
    assert after.url == f"{served.url}/holds"
    assert "You held default. Nothing is sent until it is released." in said(after.text)
    assert holds.of_connections(redis)["default"].reason == "maintenance"
    page = said(get(served, browser, f"{OF_VIPS}/release").text)
    assert "There is no hold on VIPs. Its connection is held: release default" in page
    after = press(browser, get(served, browser, "/connections/default/release?next=/audit"), "Release default")
    assert after.url == f"{served.url}/audit"
    assert holds.of_connections(redis) == {}
    assert noted(redis) == [("hold", "default", "done", {}), ("release", "default", "done", {})]


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201])
def test_a_hold_without_a_reason_or_with_a_long_one_is_asked_for_again(
    served: Console, browser: requests.Session, redis: Redis, reason: str
) -> None:
    put(redis, "a@example.com")
    answer = press(browser, get(served, browser, f"{OF_VIPS}/hold"), "Hold VIPs", reason=reason)
    assert (answer.status_code, 'aria-invalid="true"' in answer.text) == (400, True)
    assert holds.of_queue(redis, VIPS) is None
    assert press(browser, answer, "Hold VIPs", reason="wrong list").status_code == 200
    assert holds.of_queue(redis, VIPS) is not None


def test_what_is_held_already_keeps_its_reason(served: Console, browser: requests.Session, redis: Redis) -> None:
    put(redis, "a@example.com")
    asked = get(served, browser, f"{OF_VIPS}/hold")
    holds.place(redis, VIPS, Hold("list_gone", now_ms()))
    assert "default/audience/42 was held already" in said(press(browser, asked, "Hold VIPs", reason="mine").text)
    page = get(served, browser, f"{OF_VIPS}/hold").text
    assert ("list_gone" in page, buttons(page)) == (True, [])
    held = holds.of_queue(redis, VIPS)
    assert held is not None
    assert held.reason == "list_gone"


def test_a_hold_that_nobody_looked_at_is_not_released(served: Console, browser: requests.Session, redis: Redis) -> None:
    put(redis, "a@example.com")
    holds.place(redis, VIPS, Hold("maintenance", 1))
    asked = get(served, browser, f"{OF_VIPS}/release")
    holds.release(redis, VIPS)
    holds.place(redis, VIPS, Hold("migration", 2))
    again = press(browser, asked, "Release VIPs")
    assert (again.status_code, holds.of_queue(redis, VIPS) is None) == (409, False)
    assert "the hold has changed since you opened this page" in said(again.text)
    assert "migration" in said(again.text)
    assert noted(redis) == []
    assert press(browser, again, "Release VIPs").status_code == 200
    assert holds.of_queue(redis, VIPS) is None


def test_what_somebody_else_did_is_not_said_to_have_been_done_by_one(served: Console, redis: Redis) -> None:
    put(redis, "a@example.com")
    audit.note(redis, "web:operator", "release", VIPS)
    audit.note(redis, "cli:root", "release", VIPS)
    assert "You released" in served.browser(Role.OPERATOR).get(served.url + OF_VIPS, timeout=30).text
    assert "You released" not in served.browser(Role.ADMIN).get(served.url + OF_VIPS, timeout=30).text


@pytest.mark.parametrize("to", ["//elsewhere.example.com", "https://elsewhere.example.com/"])
def test_an_act_leads_to_no_other_host(served: Console, browser: requests.Session, redis: Redis, to: str) -> None:
    put(redis, "a@example.com")
    page = get(served, browser, f"{OF_VIPS}/flush?next={to}")
    assert press(browser, page, "Flush VIPs now").url == served.url + OF_VIPS


@pytest.mark.parametrize("path", ["/queues/default/audience/43/flush", "/connections/nowhere/hold"])
def test_what_there_is_not_cannot_be_acted_on(served: Console, browser: requests.Session, path: str) -> None:
    answer = browser.get(served.url + path, timeout=30)
    assert (answer.status_code, "No such" in said(answer.text)) == (404, True)
