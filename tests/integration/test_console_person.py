"""One person's story in a browser: that of `ferry explain`, for admins, and the person in no address, log or audit."""

from __future__ import annotations

from typing import Any, cast

import pytest
import requests

from console.auth.roles import Role
from ops.explain.everywhere import find_person
from queues import audit, dead_letters, keys
from queues.names import Queue
from queues.pending import all_queues
from tests.support import canaries
from tests.support.console import Console
from tests.support.intake import known
from tests.support.ops import LAPSED, put
from tests.support.pages import press, said
from tests.support.world import QUEUE, World

ANN = "ann@example.com"


@pytest.fixture
def browser(linked: Console) -> requests.Session:
    return linked.browser(Role.ADMIN)


def asked(linked: Console, browser: requests.Session, person: str, queue: str = "VIPs") -> requests.Response:
    form = browser.get(f"{linked.url}/person", timeout=30)
    assert form.status_code == 200
    return press(browser, form, "Look up", queue=queue, person=person)


def test_a_story_is_told_from_the_acceptance_to_what_the_list_holds_now(
    linked: Console, browser: requests.Session, world: World
) -> None:
    world.change("add", "bob@example.com", {"email": ANN, "attributes": {"city": "Oslo"}})
    batch_id = world.deliver()
    world.change("update", {"email": ANN, "attributes": {"city": "Oslo"}})
    answer = asked(linked, browser, ANN)
    list_id = cast("bytes", world.redis.hget(keys.queue(QUEUE), "list_id")).decode()
    text = said(answer.text)
    for words in (
        f"{ANN} (",
        f"Klaviyo now on list {list_id}; profile found by email; e-mail: never subscribed; SMS: no address.",
        "Membership ledger none, because this audience has had no snapshot.",
        "#2 is pending: 1 of 1 in the queue; the queue is due by age in 1",
        "#1 accepted: add, in message m from source changes, changed at 20",
        f"#1 taken with 1 other into batch {batch_id}, because an operator flushed the queue (operator)",
        "#1 delivered, row 2 of 2 rows in import job ",
        "Oslo",
    ):
        assert words in text, words
    assert f'<a href="/queues/{QUEUE}">VIPs</a>' in answer.text


def test_a_dead_letter_of_the_person_is_linked(linked: Console, browser: requests.Session, world: World) -> None:
    world.change("add", "fail+blocked@example.com")
    world.deliver()
    (letter,) = dead_letters.read(world.redis, QUEUE)
    answer = asked(linked, browser, "fail+blocked@example.com", str(QUEUE))
    assert f'<a href="/dead/{QUEUE}/{letter.id}">Dead letter {letter.id}</a>' in answer.text
    assert "became a dead letter: blocked" in said(answer.text)
    letter_page = browser.get(f"{linked.url}/dead/{QUEUE}/{letter.id}", timeout=30)
    assert "became a dead letter: blocked, row 1 of 1 row, of which 1 failed in import job" in said(letter_page.text)


def test_of_a_stranger_it_says_where_it_looked(linked: Console, browser: requests.Session, world: World) -> None:
    world.change("add", "bob@example.com")
    text = said(asked(linked, browser, ANN).text)
    assert "Ferry has no record of this person here. It searched:" in text
    assert "there is no list yet; no profile found for this identifier." in text


@pytest.mark.parametrize(
    ("fault", "said_of_it"),
    [
        ({"fault": "429", "retry_after": 59}, "is to be retried in 59 s (throttled)"),
        ({"fault": "500", "times": 9}, "is to be retried (http_500)"),
    ],
    ids=["throttled", "down"],
)
def test_that_klaviyo_cannot_be_asked_is_a_sentence_and_soon(
    linked: Console, browser: requests.Session, world: World, fault: dict[str, Any], said_of_it: str
) -> None:
    world.change("add", ANN)
    world.fault(path="/api/", **fault)
    answer = asked(linked, browser, ANN)
    assert answer.status_code == 200
    text = said(answer.text)
    assert "Klaviyo now not asked. Klaviyo cannot be asked: " in text
    assert said_of_it in text
    assert "#1 is pending" in text, "the rest is told all the same"


def test_a_key_that_is_refused_is_a_sentence_and_holds_nothing(
    linked: Console, browser: requests.Session, world: World
) -> None:
    world.change("add", ANN)
    world.control("keys", keys=[{"key": "pk_test", "revoked": True}])
    assert "is refused (unauthenticated). Give the connection a valid private key" in said(
        asked(linked, browser, ANN).text
    )
    assert not world.redis.exists(keys.HOLDS)
    world.control("keys", keys=[{"key": "pk_test"}])


@pytest.mark.parametrize(
    ("queue", "person", "wrong"),
    [
        ("VIP", ANN, "there is no queue &#39;VIP&#39;."),
        ("VIPs", " ", "Enter the person&#39;s e-mail address, phone number or id."),
        ("", "", "Enter the person"),
    ],
)
def test_what_does_not_say_of_whom_or_where_is_refused_and_can_be_corrected(
    linked: Console, browser: requests.Session, world: World, queue: str, person: str, wrong: str
) -> None:
    world.change("add", ANN)
    answer = asked(linked, browser, person, queue)
    assert (answer.status_code, wrong in said(answer.text)) == (400, True)
    assert "#1 is pending" in said(press(browser, answer, "Look up", queue="VIPs", person=ANN).text)


def test_the_person_stands_in_no_address_no_log_line_and_not_in_the_audit(
    linked: Console, browser: requests.Session, world: World, heard: canaries.Heard
) -> None:
    for person in (canaries.ANN, canaries.BLOCKED):
        world.change("add", person)
    world.deliver()
    for person in (canaries.ANN, canaries.BLOCKED, canaries.PHONE, canaries.MARK):
        answer = asked(linked, browser, person)
        assert (answer.status_code, answer.url) == (200, f"{linked.url}/person")
        assert answer.headers["Cache-Control"] == "no-store"
    assert asked(linked, browser, canaries.ANN, canaries.ANN).status_code == 400
    assert browser.get(f"{linked.url}/person?queue={QUEUE}", timeout=30).text.count("@") == 0
    entries = [entry for entry in audit.read(world.redis, 9) if entry.what == "story"]
    assert [(entry.who, entry.on, entry.counts) for entry in entries] == [("web:admin", str(QUEUE), {})] * 4
    assert not canaries.marks(repr(audit.read(world.redis, 99)))
    assert heard.leaks() == []


def test_nobody_but_an_admin_is_told_anything(linked: Console, world: World) -> None:
    world.change("add", ANN)
    for role in (Role.VIEWER, Role.OPERATOR):
        browser = linked.browser(role)
        assert browser.get(f"{linked.url}/person", timeout=30).status_code == 403
        csrf = linked.csrf(browser, "/")
        form = {"csrf": csrf, "queue": "VIPs", "person": ANN}
        answer = browser.post(f"{linked.url}/person", form, timeout=30)
        assert (answer.status_code, ANN in answer.text) == (403, False)
    assert not [entry for entry in audit.read(world.redis, 9) if entry.what == "story"]


def test_without_a_queue_all_are_searched_and_each_leads_to_its_history(
    linked: Console, browser: requests.Session, world: World
) -> None:
    world.change("add", "bob@example.com", ANN)
    put(world.redis, "bob@example.com", queue=LAPSED, name="Lapsed")
    found = asked(linked, browser, ANN, queue="")
    text = said(found.text)
    assert "1 queue has a record of this person" in text
    assert f"VIPs {QUEUE} 1 0 0" in text
    assert "All 2 queues were searched." in text
    assert ANN not in "".join(f"{entry}" for entry in audit.read(world.redis, 10))
    assert "#1 accepted: add" in said(press(browser, found, f"History in {QUEUE}").text)


def test_a_search_stops_when_its_time_is_over_and_says_how_far_it_came(world: World) -> None:
    for number in range(5):
        put(world.redis, ANN, queue=Queue("default", "audience", f"{number}"))
    ticks = iter(range(100))
    queues = all_queues(world.redis)
    found = find_person(world.redis, known("redis://nowhere"), queues, ANN, 2.0, lambda: next(ticks))
    assert (found.searched, found.queues, len(found.places)) == (2, 5, 2)
