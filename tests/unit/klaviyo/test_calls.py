"""One call: its slot, its hook, and its log line."""

from __future__ import annotations

import logging
import traceback

import pytest
import responses

from klaviyo.client import Klaviyo
from klaviyo.errors import NotAccepted, Throttled
from klaviyo.outcomes import HoldNeeded, Retry
from tests.support.answered import URL, ScriptedLimiter

KEY = "pk_canary0123456789"
MEMBERS = f"{URL}/api/lists/L1/relationships/profiles"
PEOPLE = f"{URL}/api/lists/L1/profiles"
CANARY = "canary+x@example.com"


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr("klaviyo.calls.time.sleep", waits.append)
    return waits


@responses.activate
def test_a_short_wait_for_a_slot_is_slept_through(slept: list[float]) -> None:
    responses.delete(MEMBERS, status=204)
    limiter = ScriptedLimiter(0.3, 0.7)
    Klaviyo(URL, KEY, limiter).remove_members("L1", ["P1"])
    assert slept == [0.3, 0.7]
    assert limiter.asked == ["remove_profiles_from_list"] * 3
    assert len(responses.calls) == 1


@pytest.mark.parametrize(("waits", "sleeps"), [((1.5,), []), ((0.6, 0.6), [0.6])])
@responses.activate
def test_a_long_wait_gives_the_batch_back_with_nothing_sent(
    waits: tuple[float, ...], sleeps: list[float], slept: list[float]
) -> None:
    hooks: list[str] = []
    client = Klaviyo(URL, KEY, ScriptedLimiter(*waits), before_request=lambda: hooks.append("ran"))
    with pytest.raises(Throttled) as throttled:
        client.remove_members("L1", ["P1"])
    assert throttled.value.after_s == waits[-1]
    assert throttled.value.outcome == Retry(waits[-1], counts=False, why="own_limit")
    assert slept == sleeps
    assert (hooks, len(responses.calls)) == ([], 0)


@responses.activate
def test_the_hook_runs_before_every_request_and_stops_it_by_raising() -> None:
    responses.delete(MEMBERS, status=204)
    left = iter([None, None])
    client = Klaviyo(URL, KEY, ScriptedLimiter())
    client.before_each(lambda: next(left))
    with pytest.raises(StopIteration):
        client.remove_members("L1", [f"P{number}" for number in range(2_001)])
    assert len(responses.calls) == 2


@responses.activate
def test_a_429_pauses_every_worker_for_as_long_as_klaviyo_asks() -> None:
    responses.delete(MEMBERS, status=429, headers={"Retry-After": "7"})
    limiter = ScriptedLimiter()
    with pytest.raises(NotAccepted) as refusal:
        Klaviyo(URL, KEY, limiter).remove_members("L1", ["P1"])
    assert refusal.value.outcome == Retry(7.0, counts=False, why="throttled")
    assert limiter.pauses == [("remove_profiles_from_list", 7.0)]


@responses.activate
def test_other_refusals_pause_nobody() -> None:
    responses.delete(MEMBERS, status=503, headers={"Retry-After": "7"})
    limiter = ScriptedLimiter()
    with pytest.raises(NotAccepted):
        Klaviyo(URL, KEY, limiter).remove_members("L1", ["P1"])
    assert limiter.pauses == []


@pytest.mark.parametrize(
    ("status", "level", "said"),
    [
        (200, logging.DEBUG, "get_profiles_for_list: 200 in "),
        (400, logging.INFO, "refused without naming a row (invalid), Klaviyo error ids: 0f-e1"),
        (401, logging.INFO, "connection on hold (unauthenticated). Give the connection a valid"),
        (500, logging.INFO, "to be retried (http_500), Klaviyo error ids: 0f-e1"),
    ],
)
@responses.activate
def test_each_request_leaves_one_line_without_personal_data_or_key(
    status: int, level: int, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = {"id": "0f-e1", "code": "invalid", "detail": CANARY, "source": {"pointer": CANARY}}
    responses.get(PEOPLE, status=status, json={"data": [], "errors": [error]})
    shown = ""
    with caplog.at_level(logging.DEBUG):
        try:
            Klaviyo(URL, KEY, ScriptedLimiter()).find_members("L1", "email", [CANARY])
        except NotAccepted as refusal:
            shown = "".join(traceback.format_exception(refusal)) + repr(refusal) + repr(refusal.outcome)
    [record] = caplog.records
    assert (record.name, record.levelno) == ("klaviyo.calls", level)
    assert said in record.getMessage()
    assert "canary" not in record.getMessage() + shown


@responses.activate
def test_a_network_fault_shows_neither_address_nor_key(caplog: pytest.LogCaptureFixture) -> None:
    responses.get(PEOPLE, body=ConnectionResetError(f"{CANARY} {KEY}"))
    with caplog.at_level(logging.DEBUG), pytest.raises(NotAccepted) as refusal:
        Klaviyo(URL, KEY, ScriptedLimiter()).find_members("L1", "email", [CANARY])
    assert "canary" not in "".join(traceback.format_exception(refusal.value)) + caplog.text
    assert refusal.value.__context__ is None


@responses.activate
def test_an_identifier_cannot_lead_to_another_path() -> None:
    responses.get(f"{URL}/api/lists/..%2Faccounts%3Fx", status=404, json={"errors": [{"code": "not_found"}]})
    with pytest.raises(NotAccepted) as refusal:
        Klaviyo(URL, KEY, ScriptedLimiter()).get_list("../accounts?x")
    assert isinstance(refusal.value.outcome, HoldNeeded)
    assert refusal.value.outcome.reason == "list_gone"
