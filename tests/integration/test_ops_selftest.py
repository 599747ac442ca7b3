"""`ferry selftest` takes away what it made, whatever happens at whichever of its requests."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from random import randrange

import pytest
from click.testing import Result
from redis import Redis

from commands import selftest
from klaviyo.http import Answer
from klaviyo.outcomes import Retry
from ops.selftest.steps import STEPS
from ops.selftest.trial import Trial
from queues.rate_limits import RedisLimiter
from tests.support.emulator_api import IMPORTS, Api
from tests.support.ops import COMMAND, environment, ferry
from tests.support.selftest import LOST, Nth
from tests.support.waiting import until

Selftest = Callable[..., Result]
#: Something happens at every so many requests, beginning at another one each time.
STRIDE = 2


@pytest.fixture
def run(redis_url: str, tmp_path: Path, api: Api) -> Selftest:
    """`ferry selftest --yes ...` on an empty account without limits."""
    api.control("limits", {"off": True})
    return partial(ferry, redis_url, tmp_path, "selftest", "--yes", KLAVIYO_BASE_URL=api.url)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits, neither for Klaviyo nor for a slot."""
    monkeypatch.setattr(selftest, "Trial", partial(Trial, sleep=lambda _seconds: None))
    monkeypatch.setattr(RedisLimiter, "acquire", lambda _limiter, _endpoint: 0.0)


def left(api: Api) -> list[str]:
    """Names of lists and addresses that are still in the account."""
    lists = [item["attributes"]["name"] for item in api.get("/api/lists").json()["data"]]
    people = [item["attributes"]["email"] for item in api.get("/api/profiles", page_size="100").json()["data"]]
    return lists + people


def verdicts(told: Result) -> list[tuple[str, str]]:
    found = (re.match(r"(ok|failed|seen) +([^:]+):", line) for line in told.stdout.splitlines())
    return [(match[1], match[2]) for match in found if match]


def test_every_step_goes_well_and_nothing_is_left(run: Selftest, api: Api) -> None:
    told = run()
    assert told.exit_code == 0, told.output
    seen = verdicts(told)
    assert [what for verdict, what in seen if verdict == "ok"][: len(STEPS)] == [name for name, _ in STEPS]
    assert "failed" not in {verdict for verdict, _ in seen}
    assert left(api) == []
    assert api.traps() == []


def test_it_says_what_klaviyo_says(run: Selftest) -> None:
    told = run().stdout
    assert re.search(
        r"ok +refuse a bad row: 400 invalid: Invalid email address \(/data/attributes/profiles/data/1", told
    )
    assert re.search(r"ok +read an import error: complete, 1 failed: invalid: Duplicate email found", told)
    assert "import onto an unknown list: 400 invalid: List ID FerryX does not exist" in told
    assert "one person twice in an import: accepted: 2 imported, 0 failed; stored is row 2" in told
    assert "body compressed with gzip: 400" in told
    assert "impossible time zone and place: accepted: 1 imported" in told
    assert "no revision header: 400 invalid: a revision header is required" in told
    assert "URL of 8,000 characters: 200" in told


def test_a_live_account_is_left_alone_unless_it_is_meant(run: Selftest, api: Api) -> None:
    api.control("account", {"test_account": False})
    told = run()
    assert (told.exit_code, "--on-a-live-account" in told.stderr) == (1, True)
    assert [entry["path"] for entry in api.get("/_emulator/requests").json()] == ["/api/accounts"]
    assert run("--on-a-live-account").exit_code == 0
    api.control("account", {"test_account": True})
    api.control("keys", {"keys": [{"key": "pk_test", "scopes": ["lists:read", "lists:write"]}]})
    told = run()
    assert (told.exit_code, "not known to be a test account" in told.stderr) == (1, True)


def test_it_asks_first(redis_url: str, tmp_path: Path, api: Api) -> None:
    ask = partial(ferry, redis_url, tmp_path, "selftest", KLAVIYO_BASE_URL=api.url)
    assert ask(text="n\n").exit_code == 1
    assert [entry["path"] for entry in api.get("/_emulator/requests").json()] == ["/api/accounts"]
    assert ask(text="y\n").exit_code == 0


def test_what_cannot_be_removed_is_named(run: Selftest, api: Api) -> None:
    scopes = ["accounts:read", "lists:read", "lists:write", "profiles:read", "profiles:write"]
    api.control("keys", {"keys": [{"key": "pk_test", "scopes": scopes}]})
    told = run()
    assert told.exit_code == 1
    api.control("keys", {"keys": []})
    people = left(api)
    assert len(people) == 4
    assert sorted(re.findall(r"LEFT in Klaviyo, remove it there: the profile (\S+)", told.stderr)) == sorted(people)


def test_a_step_that_does_not_go_as_it_should_fails_and_the_rest_is_not_tried(run: Selftest, api: Api) -> None:
    api.control("faults", {"fault": "400_list", "match": {"path": "/api/profile-bulk", "body": "ann"}, "times": 1})
    told = run()
    assert told.exit_code == 1
    assert [what for verdict, what in verdicts(told) if verdict == "failed"] == ["refuse a bad row"]
    assert "Klaviyo: 400 invalid: List ID XXXXXX does not exist" in told.stdout
    assert "import two people" not in told.stdout
    assert left(api) == []


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("event", [LOST, KeyboardInterrupt()], ids=["lost", "interrupted"])
@pytest.mark.parametrize("done", [False, True], ids=["unsent", "unanswered"])
def test_whatever_happens_at_whichever_request_nothing_is_left_unsaid(
    run: Selftest, api: Api, monkeypatch: pytest.MonkeyPatch, done: bool, event: BaseException | Answer
) -> None:
    for number in count(randrange(2, 2 + STRIDE), STRIDE):
        api.control("reset")
        api.control("limits", {"off": True})
        nth = Nth(number, done, event)
        with monkeypatch.context() as patched:
            nth.install(patched)
            told = run()
        if nth.count < number:
            return
        unsaid = [name for name in left(api) if f"remove it there: the list '{name}'" not in told.stderr]
        unsaid = [name for name in unsaid if f"remove it there: the profile {name}" not in told.stderr]
        assert unsaid == [], f"request {number}: {told.output}"
        if isinstance(event, Retry) or "ctrl-c again" in told.stdout.lower():
            assert not left(api), f"request {number}: {told.output}"


@pytest.mark.usefixtures("hurried")
def test_an_import_that_outlives_the_patience_is_named(run: Selftest, api: Api) -> None:
    api.control("jobs", {"seconds": 3_600})
    told = run()
    assert (told.exit_code, "is still queued after" in told.stdout) == (1, True)
    assert "may still create it" in told.stdout
    assert re.search(r"LEFT in Klaviyo, remove it there: the profile ferry-selftest-\S+-ann@example.com", told.stderr)
    assert "the list" not in told.stderr
    api.control("jobs", {"seconds": 0})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_is_stopped_cleans_up(
    redis: Redis, redis_url: str, tmp_path: Path, api: Api, number: signal.Signals
) -> None:
    api.control("limits", {"off": True})  # the test itself asks again and again
    api.control("jobs", {"seconds": 3_600})
    known = environment(redis_url, tmp_path, KLAVIYO_BASE_URL=api.url, KLAVIYO_API_KEY="pk_test")
    command = [*COMMAND, "selftest", "--yes"]
    with subprocess.Popen(command, env=known | {"PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "refuse a bad row" in line:
                until(lambda: api.get(IMPORTS).json()["data"] != [], "its import is under way")
                os.kill(process.pid, number)
                api.control("jobs", {"seconds": 3})
                break
        rest = process.stdout.read()
    assert (process.returncode, "Interrupted" in rest) == (1, True)
    until(lambda: left(api) == [], "nothing is left once Klaviyo has deleted the people")
