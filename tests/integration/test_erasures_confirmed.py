"""Somebody's word on an erasure that needs a look: on the page, over the API, by commands; kept until it is given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

import msgspec
import pytest
import requests
from click.testing import Result
from redis import Redis

from alerts.facts import look
from alerts.rules import judged
from configuration.alerts import Limits
from console.auth.roles import Role
from queues import audit, bounds, dead_letters, keys, undecided_erasures
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.change import Body, Change, decode, encode, person_key
from queues.clock import now_ms
from queues.names import Queue
from queues.policy import OF_KIND
from queues.undecided_erasures import Confirmed
from scheduler.housekeeping import housekeep
from tests.support.alerts import everything_runs
from tests.support.console import TOKENS, Console, console
from tests.support.ops import ferry
from tests.support.pages import buttons, press, said
from text.wording import day

ERASURES = Queue("default", "erasure", "erasures")
DETAIL = undecided_erasures.detail(
    "a profile has another e-mail", {"P1": "external_id", "P2": "remembered"}, ["ab" * 8]
)
DAY = 86_400_000


@pytest.fixture
def served(redis_url: str) -> Iterator[Console]:
    """A console that has not looked at anything yet."""
    with console(redis_url) as running:
        yield running


def bury(redis: Redis, reason: str = undecided_erasures.REASON, at: int | None = None) -> str:
    """An erasure that died; its id."""
    now = at or now_ms()
    person = msgspec.Raw(b'{"email":"eg@example.com"}')
    change = encode((person_key("email", "eg@example.com"),), now, Body("erase", now, "segment", "m", person))
    letter = DeadOnArrival(change, reason, json.dumps(DETAIL))
    accept(redis, Acceptance(ERASURES, OF_KIND["erasure"], "", [], [letter]), now)
    return list(dead_letters.read(redis, ERASURES))[-1].id


def pending(redis: Redis) -> list[Change]:
    return [decode(each) for each in cast("list[bytes]", redis.lrange(keys.queue(ERASURES, "pending"), 0, -1))]


def check_confirmed(redis: Redis, who: str) -> None:
    """The erasure goes again, says what was confirmed, and the audit by whom."""
    (change,) = pending(redis)
    assert undecided_erasures.confirmed(change) == Confirmed(frozenset({"P1", "P2"}), frozenset({"ab" * 8}))
    assert msgspec.json.decode(change.body.person)["email"] == "eg@example.com"
    (entry,) = [each for each in audit.read(redis, 9) if each.what == "confirm"]
    assert (entry.who, entry.on, entry.counts) == (who, str(ERASURES), {"profiles": 2, "replayed": 1, "stayed": 0})
    assert b"example.com" not in repr(redis.xrange(keys.AUDIT)).encode()


def test_an_admin_sees_what_was_found_and_confirms_it_on_the_page(redis: Redis, served: Console) -> None:
    letter = bury(redis)
    browser = served.browser(Role.ADMIN)
    page = browser.get(f"{served.url}/dead/{ERASURES}/{letter}", timeout=60)
    due = day(now_ms() + 30 * DAY)
    assert f"Answer due by {due}" in said(page.text)
    assert "P1 external_id P2 remembered" in said(page.text)
    asked = press(browser, page, "Confirm")
    assert "Klaviyo then deletes the profiles permanently" in said(asked.text)
    assert pending(redis) == []
    done = press(browser, asked, "Delete 2 profiles")
    assert "You confirmed an erasure in default/erasure/erasures" in said(done.text)
    check_confirmed(redis, "web:admin")
    assert browser.get(f"{served.url}/dead/{ERASURES}/{letter}/confirm", timeout=60).status_code == 404


def test_an_operator_sees_what_was_found_and_confirms_nothing(redis: Redis, served: Console) -> None:
    letter = bury(redis)
    browser = served.browser(Role.OPERATOR)
    page = browser.get(f"{served.url}/dead/{ERASURES}/{letter}", timeout=60)
    assert "P1 external_id" in said(page.text)
    assert buttons(page.text) == ["Replay"]
    assert browser.get(f"{served.url}/dead/{ERASURES}/{letter}/confirm", timeout=60).status_code == 403


def test_of_another_letter_there_is_nothing_to_confirm(redis: Redis, served: Console) -> None:
    letter = bury(redis, "profile_unknown")
    browser = served.browser(Role.ADMIN)
    assert buttons(browser.get(f"{served.url}/dead/{ERASURES}/{letter}", timeout=60).text) == ["Replay"]
    assert browser.get(f"{served.url}/dead/{ERASURES}/{letter}/confirm", timeout=60).status_code == 404
    answer = api(served, letter, Role.ADMIN)
    assert (answer.status_code, "needs no confirmation" in answer.text) == (409, True)
    assert pending(redis) == []


def api(served: Console, letter: str, role: Role) -> requests.Response:
    url = f"{served.url}/v1/dead/{ERASURES}/{letter}/confirm"
    return requests.post(url, json={}, headers=served.bearer(role), timeout=60)


def test_a_program_reads_what_was_found_and_confirms_it(redis: Redis, served: Console) -> None:
    letter = bury(redis)
    url = f"{served.url}/v1/dead/{ERASURES}/{letter}"
    told = requests.get(url, headers=served.bearer(Role.VIEWER), timeout=60).json()
    profiles = [{"id": "P1", "found_by": "external_id"}, {"id": "P2", "found_by": "remembered"}]
    assert told["erasure"] == {"profiles": profiles, "answer_due": day(now_ms() + 30 * DAY)}
    assert api(served, letter, Role.OPERATOR).status_code == 403
    assert api(served, letter, Role.ADMIN).json() == {"replayed": 1, "stayed": 0}
    check_confirmed(redis, "api:admin")
    assert api(served, letter, Role.ADMIN).status_code == 404


@pytest.fixture(params=["here", "over a URL"])
def command(request: pytest.FixtureRequest, redis: Redis, redis_url: str, served: Console, tmp_path: Path) -> object:
    env = {} if request.param == "here" else {"FERRY_URL": served.url, "FERRY_TOKEN": TOKENS[Role.ADMIN]}
    return partial(ferry, redis_url, tmp_path, **env)


def run(command: object, *words: str, text: str | None = None) -> Result:
    assert callable(command)
    found = command(*words, text=text)
    assert isinstance(found, Result)
    return found


def test_the_command_asks_and_confirms(redis: Redis, command: object) -> None:
    letter = bury(redis)
    shown = json.loads(run(command, "dead", "show", letter).stdout)
    assert [each["id"] for each in shown["erasure"]["profiles"]] == ["P1", "P2"]
    asked = run(command, "dead", "confirm", letter, text="n\n")
    assert (asked.exit_code, pending(redis)) == (1, [])
    assert "Permanently delete profiles P1 (found by external_id), P2 (found by remembered) in Klaviyo?" in asked.stderr
    done = run(command, "dead", "confirm", letter, "--yes")
    assert (done.exit_code, done.stdout.startswith("Confirmed")) == (0, True)
    (entry,) = [each for each in audit.read(redis, 9) if each.what == "confirm"]
    check_confirmed(redis, entry.who)


def test_the_command_says_why_it_confirms_nothing(redis: Redis, command: object) -> None:
    letter = bury(redis, "profile_unknown")
    refused = run(command, "dead", "confirm", letter, "--yes")
    assert (refused.exit_code, "(profile_unknown) needs no confirmation" in refused.stderr) == (1, True)
    assert run(command, "dead", "confirm", "1-1", "--yes").exit_code == 1


def test_the_letter_stays_while_another_erasure_of_the_person_is_under_way(redis: Redis, command: object) -> None:
    letter = bury(redis)
    redis.sadd(keys.queue(ERASURES, "open"), person_key("email", "eg@example.com"))
    refused = run(command, "dead", "confirm", letter, "--yes")
    assert (refused.exit_code, "another erasure of the same person is in progress" in refused.stderr) == (1, True)
    assert len(list(dead_letters.read(redis, ERASURES))) == 1


def test_what_was_confirmed_before_stays_so_when_the_erasure_needs_another_look(redis: Redis) -> None:
    bury(redis)
    (letter,) = dead_letters.read(redis, ERASURES)
    first = decode(undecided_erasures.confirming(letter))
    detail = undecided_erasures.detail("another one", {"P3": "email"}, [])
    accept(
        redis,
        Acceptance(
            ERASURES,
            OF_KIND["erasure"],
            "",
            [],
            [DeadOnArrival(encode(first.keys, 1, first.body), "x", json.dumps(detail))],
        ),
        now_ms(),
    )
    _, second = dead_letters.read(redis, ERASURES)
    assert undecided_erasures.confirmed(decode(undecided_erasures.confirming(second))).profiles == {"P1", "P2", "P3"}


def test_letters_that_need_a_look_are_not_deleted_however_old_or_many(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "LETTERS", 2)
    kept = [bury(redis)]
    for _ in range(3):
        bury(redis, "profile_unknown")
    kept.append(bury(redis))
    housekeep(redis, now_ms() + 100 * DAY)
    assert [letter.id for letter in dead_letters.read(redis, ERASURES)] == kept
    assert redis.hget(keys.queue(ERASURES), "evicted") == b"3"


def test_they_are_an_alert_with_their_age_and_the_day_by_which_the_answer_is_due(redis: Redis) -> None:
    everything_runs(redis)
    assert judged(look(redis), Limits()) == []
    bury(redis, "profile_unknown")
    assert judged(look(redis), Limits()) == []
    now = now_ms()
    bury(redis, at=now - 3 * DAY)
    bury(redis, at=now - 1 * DAY)
    (alert,) = judged(look(redis), Limits())
    assert (alert.id, alert.rule, alert.on) == (f"erasures/{ERASURES}", "erasures", str(ERASURES))
    due = day(now + 27 * DAY)
    assert (
        alert.text == f"{ERASURES}: 2 erasures need a look, the oldest for 3\u00a0d\u00a00\u00a0h; answer due by {due}"
    )
    assert "--reason erasure_needs_a_look" in alert.remedy
    assert judged(look(redis), Limits(erasures=False)) == []
