"""Of what `ferry selftest` made nothing is left unsaid, also where an account takes people's addresses from them."""

from __future__ import annotations

import re
from itertools import count
from random import randrange

import pytest

from klaviyo.http import Answer
from tests.support.selftest import LOST, Account, Nth

CLASHES = ("refuse", "overwrite", "merge")
#: Something happens at every so many requests, beginning at another one each time.
STRIDE = 61


@pytest.mark.parametrize("clash", CLASHES)
def test_a_round_trip_leaves_nothing(selftest_account: Account, clash: str) -> None:
    selftest_account.empty(clash)
    told = selftest_account.selftest()
    assert told.exit_code == (0 if clash == "refuse" else 1), told.output
    assert ("ferry selftest --identity shows what it does then" in told.stdout) == (clash != "refuse")
    assert selftest_account.left() == []


def test_what_cannot_be_removed_is_named(selftest_account: Account) -> None:
    selftest_account.empty("overwrite")
    scopes = ["accounts:read", "lists:read", "lists:write", "profiles:read", "profiles:write"]
    selftest_account.api.control("keys", {"keys": [{"key": "pk_test", "scopes": scopes}]})
    told = selftest_account.selftest("--identity")
    assert told.exit_code == 1
    named = re.findall(r"LEFT in Klaviyo, remove it there: the profile .* \((\S+)\)", told.stderr)
    assert sorted(named) == sorted(selftest_account.left())
    assert "the profile without an address (" in told.stderr
    assert told.stdout.splitlines()[-1].startswith("Setting ")


@pytest.mark.parametrize("event", [LOST, KeyboardInterrupt()], ids=["lost", "interrupted"])
@pytest.mark.parametrize("done", [False, True], ids=["unsent", "unanswered"])
@pytest.mark.parametrize("clash", CLASHES)
def test_whatever_happens_at_a_request_nothing_is_left_unsaid(
    selftest_account: Account, monkeypatch: pytest.MonkeyPatch, clash: str, done: bool, event: BaseException | Answer
) -> None:
    for number in count(randrange(1, STRIDE), STRIDE):
        selftest_account.empty(clash)
        nth = Nth(number, done, event)
        with monkeypatch.context() as patched:
            nth.install(patched)
            told = selftest_account.selftest("--identity")
        if nth.count < number:
            return
        left = selftest_account.left()
        assert [name for name in left if name not in told.stderr] == [], f"request {number}: {told.output}"
        if event is LOST or "ctrl-c again" in told.stdout.lower():
            assert left == [], f"request {number}: {told.output}"
