"""Of what `ferry selftest` made nothing is left unsaid, also where an account takes people's addresses from them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import randrange

import pytest

from klaviyo.http import Answer
from tests.support import selftest
from tests.support.selftest import LOST, Account, Nth

CLASHES = ("refuse", "overwrite", "merge")
#: Something happens at every so many requests, beginning at another one each time.
STRIDE = 31


@pytest.fixture
def account(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with selftest.account(redis_url, tmp_path, monkeypatch) as found:
        yield found


@pytest.mark.parametrize("clash", CLASHES)
def test_a_round_trip_leaves_nothing(account: Account, clash: str) -> None:
    account.empty(clash)
    told = account.selftest()
    assert told.exit_code == (0 if clash == "refuse" else 1), told.output
    assert ("ferry selftest --identity says what it does then" in told.stdout) == (clash != "refuse")
    assert account.left() == []


def test_what_cannot_be_removed_is_named(account: Account) -> None:
    account.empty("overwrite")
    scopes = ["accounts:read", "lists:read", "lists:write", "profiles:read", "profiles:write"]
    account.api.control("keys", {"keys": [{"key": "pk_test", "scopes": scopes}]})
    told = account.selftest("--identity")
    assert told.exit_code == 1
    named = re.findall(r"LEFT in Klaviyo, remove it there: the profile .* \((\S+)\)", told.stderr)
    assert sorted(named) == sorted(account.left())
    assert "the profile without an address (" in told.stderr
    assert told.stdout.splitlines()[-1].startswith("Setting ")


@pytest.mark.parametrize("event", [LOST, KeyboardInterrupt()], ids=["lost", "interrupted"])
@pytest.mark.parametrize("done", [False, True], ids=["unsent", "unanswered"])
@pytest.mark.parametrize("clash", CLASHES)
def test_whatever_happens_at_a_request_nothing_is_left_unsaid(
    account: Account, monkeypatch: pytest.MonkeyPatch, clash: str, done: bool, event: BaseException | Answer
) -> None:
    for number in count(randrange(1, STRIDE), STRIDE):
        account.empty(clash)
        nth = Nth(number, done, event)
        with monkeypatch.context() as patched:
            nth.install(patched)
            told = account.selftest("--identity")
        if nth.count < number:
            return
        left = account.left()
        assert [name for name in left if name not in told.stderr] == [], f"request {number}: {told.output}"
        if event is LOST or "ctrl-c again" in told.stdout.lower():
            assert left == [], f"request {number}: {told.output}"
