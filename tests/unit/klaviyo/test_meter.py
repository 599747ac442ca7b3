"""What the client tells whoever counts its calls."""

from __future__ import annotations

import pytest
import responses

from klaviyo.client import Klaviyo
from klaviyo.errors import NotAccepted, Throttled
from tests.support.answered import URL, Heard, ScriptedLimiter
from tests.support.client import OpenLimiter

KEY = "pk_canary0123456789"
MEMBERS = f"{URL}/api/lists/L1/relationships/profiles"
REMOVE = "remove_profiles_from_list"


@responses.activate
def test_a_call_is_told_before_the_lease_is_renewed_and_nothing_comes_after_an_answer_that_is_no_429() -> None:
    responses.delete(MEMBERS, status=204)
    heard = Heard()
    client = Klaviyo(URL, KEY, OpenLimiter(), meter=heard)
    client.before_each(lambda: heard.told.append(("renewed",)))
    client.remove_members("L1", ["P1"])
    assert heard.told == [("calls", REMOVE), ("renewed",)]


@responses.activate
def test_a_429_is_told_and_another_refusal_is_not() -> None:
    responses.delete(MEMBERS, status=429)
    responses.delete(MEMBERS, status=500)
    heard = Heard()
    for _ in range(2):
        with pytest.raises(NotAccepted):
            Klaviyo(URL, KEY, OpenLimiter(), meter=heard).remove_members("L1", ["P1"])
    assert heard.told == [("calls", REMOVE), ("throttled", REMOVE), ("calls", REMOVE)]


@responses.activate
def test_every_wait_is_told_and_one_that_is_too_long_is_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("klaviyo.calls.time.sleep", lambda _: None)
    heard = Heard()
    with pytest.raises(Throttled):
        Klaviyo(URL, KEY, ScriptedLimiter(0.5, 40), meter=heard).remove_members("L1", ["P1"])
    assert heard.told == [("waits", REMOVE, "0.5"), ("waits", REMOVE, "40")]
