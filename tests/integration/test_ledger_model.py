"""Any order of accepting, taking, delivering, dying and settling late keeps what the ledger promises."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from redis import Redis

from tests.support import ledger_invariants
from tests.support.ledger_machine import LedgerMachine


@pytest.fixture(autouse=True)
def _server(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger_invariants.use(monkeypatch, redis)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=40, stateful_step_count=40, suppress_health_check=list(HealthCheck))
