"""A delivery of events or consents dies at each request it makes of Redis or Klaviyo, which takes minutes for its own.

The next worker goes on; every event is recorded once, everybody ends as they said last, and nobody who left a list is
unsubscribed from everything.
"""

from __future__ import annotations

import pytest

from queues.change import Action
from queues.clock import now_ms
from queues.names import Queue
from scheduler.tick import tick
from tests.support.emulator_api import EVENTS as EVENTS_PATH
from tests.support.emulator_api import SUBSCRIBE, UNSUBSCRIBE, bulk_body, subscribed
from tests.support.model import address
from tests.support.slow import SLOW, Slow, dies_everywhere
from worker.consents import rows

EVENTS, CONSENTS = Queue("default", "event", "events"), Queue("default", "consent", "consents")
ANN, BOB, CID = (address(number) for number in range(3))


def event(unique_id: str, at: str = "2026-01-02T03:04:05.000Z") -> tuple[Action, dict[str, object]]:
    told = {"metric": "Viewed", "properties": {}, "time": at, "unique_id": unique_id}
    return "event", {**told, "profile": {"email": ANN}}


def test_events_are_recorded_once_whatever_request_the_worker_dies_at(slow: Slow) -> None:
    def arrange() -> None:
        slow.empty()
        slow.accept(EVENTS, event("e0"), event("e1"), event("never", "2099-01-01T00:00:00.000Z"), event("e2"))

    def check() -> None:
        assert slow.api.events() == ["e0", "e1", "e2"]
        slow.check_ledger(EVENTS, delivered=3, dead=1)

    assert dies_everywhere(slow, arrange, check, every=3).count(f"POST {EVENTS_PATH}") == 2


def minds_change(slow: Slow) -> None:
    """Ann is on both lists and leaves one, Bob joins it, Cid never was on it; then Ann comes back."""
    slow.empty()
    news, other = (slow.api.make_list(name, opt_in_process="single_opt_in") for name in ("News", "Other"))
    for list_id in (news, other):
        slow.api.post(SUBSCRIBE, bulk_body(SUBSCRIBE, [subscribed(ANN)], list_id))
    slow.api.post(SUBSCRIBE, bulk_body(SUBSCRIBE, [subscribed(CID)], other))
    slow.clock[0] += SLOW
    told: dict[str, object] = {"list_id": news}
    first: list[tuple[Action, str]] = [("unsubscribe", ANN), ("subscribe", BOB), ("unsubscribe", CID)]
    slow.accept(CONSENTS, *((action, {"email": email, **told}) for action, email in first))
    tick(slow.system.redis, slow.system.connections, now_ms())
    slow.accept(CONSENTS, ("subscribe", {"email": ANN, **told}))


def check_minds(slow: Slow) -> None:
    assert slow.api.traps() == []
    assert (set(slow.api.members("News")), set(slow.api.members("Other"))) == ({ANN, BOB}, {ANN, CID})
    assert [slow.api.consent(email) for email in (ANN, BOB, CID)] == ["SUBSCRIBED"] * 3
    slow.check_ledger(CONSENTS, delivered=4)


def test_everybody_ends_as_they_said_last_whatever_request_the_worker_dies_at(slow: Slow) -> None:
    seen = dies_everywhere(slow, lambda: minds_change(slow), lambda: check_minds(slow), every=3)
    assert [name for name in seen if name.startswith("POST")] == [f"POST {UNSUBSCRIBE}", *[f"POST {SUBSCRIBE}"] * 2]


def test_a_worker_that_did_not_wait_for_klaviyo_would_be_noticed(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "UNDER_WAY_S", 1.0)
    with pytest.raises(AssertionError):
        dies_everywhere(slow, lambda: minds_change(slow), lambda: check_minds(slow))
