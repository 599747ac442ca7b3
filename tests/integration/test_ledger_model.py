"""Any order of accepting, taking, delivering, dying and settling late keeps what the ledger promises."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import MultipleResults
from redis import Redis

from queues import pending, settlement
from tests.support import ledger_invariants
from tests.support.ledger_machine import LedgerMachine


class LedgerInPortions(LedgerMachine):
    """The same, where batches of five changes are taken and settled in several calls."""


@pytest.fixture(autouse=True)
def _server(redis: Redis, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    ledger_invariants.use(monkeypatch, redis)
    if request.cls is TestLedgerInPortions:
        monkeypatch.setattr(pending, "TAKEN_AT_ONCE", 2)
        for size, items in (("LETTERS", 1), ("MOVED", 1), ("RELEASED", 2)):
            monkeypatch.setattr(settlement, size, items)


def test_a_join_that_is_replayed_beside_a_later_removal_ends_no_letter_of_the_removal(redis: Redis) -> None:
    ledger = LedgerMachine()
    for action, message in (("add", 1), ("remove", 2)):
        ledger.accept(people=["d"], action=action, message=message)
    started = ledger.tick(ask=True, ring=True)
    assert isinstance(started, MultipleResults)
    (batch,) = started.values
    ledger.finish(batch, reject={0}, frozen=False)
    ledger.replay(every=2)
    ledger.accept(people=["d"], action="update", message=3)
    ledger.teardown()
    assert ledger.model.klaviyo == {"d": "remove"}


TestLedger = LedgerMachine.TestCase
TestLedgerInPortions = LedgerInPortions.TestCase
_SETTINGS = settings(max_examples=40, stateful_step_count=40, suppress_health_check=list(HealthCheck))
TestLedger.settings = TestLedgerInPortions.settings = _SETTINGS
