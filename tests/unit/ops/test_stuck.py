from __future__ import annotations

from dataclasses import replace

import pytest

from ops.stuck import PATIENCE_MS, stuck
from queues.census import Census
from queues.holds import Hold, MovedAccount
from queues.policy import FlushPolicy, Waiting
from queues.server.rollback import Rollback
from tests.support.ops import counted
from tests.unit.ops.test_verdict import MINUTE, NOW, RUNNING, failing, of, waiting

KEY = Hold("unauthenticated", NOW, "Another key.", probed=True)
MINE = Hold("campaign starts on Tuesday", NOW)
AGE = FlushPolicy().age_ms


def test_nothing_is_stuck_in_an_installation_that_works() -> None:
    assert list(stuck(RUNNING)) == []
    assert list(stuck(of(waiting(1), failing(2), counted(kept=9, dead=9, accepted=9)))) == []


@pytest.mark.parametrize(
    ("census", "line"),
    [
        (replace(RUNNING, heartbeat=None), "no scheduler ran within the last minute"),
        (replace(RUNNING, workers={}), "no worker is running"),
        (
            of(*(waiting(number, "b") for number in range(150)), holds={"b": KEY}),
            "150 queues are held (unauthenticated): 450 changes wait",
        ),
        (of(waiting(1, hold=Hold("list_gone", NOW, "Restore it."))), "1 queue is held (list_gone): 3 changes wait"),
        (
            of(waiting(1, "b"), holds={"b": Hold("account_changed", NOW, moved=MovedAccount("k", "X", "Y"))}),
            "1 queue is held (account_changed): 3 changes wait",
        ),
        (of(counted(accepted=1)), "1 change is unaccounted for"),
        (
            replace(RUNNING, fall=Rollback(NOW, 0, 0, 0)),
            "The ledger was emptied, noticed at 2026-01-01T00:00:00.000Z",
        ),
    ],
)
def test_what_does_not_move_until_somebody_acts_is_stuck(census: Census, line: str) -> None:
    assert list(stuck(census)) == [line]


def test_a_hold_of_a_person_or_with_nothing_behind_it_is_not() -> None:
    assert list(stuck(of(waiting(1, hold=MINE), waiting(2, "b"), holds={"b": MINE, "c": KEY}))) == []
    assert list(stuck(of(counted(hold=Hold("list_gone", NOW, "Restore it."))))) == []


def test_a_batch_that_fails_is_stuck_only_after_a_while() -> None:
    census = of(failing(1), failing(2, "throttled"))
    later = replace(census, at=NOW + PATIENCE_MS, heartbeat=NOW + PATIENCE_MS)
    assert list(stuck(later)) == ["1 batch fails for 21\u00a0min (http_503)"]


def test_a_change_that_is_late_is_stuck_only_after_a_while() -> None:
    def late(over: int) -> list[str]:
        count = replace(waiting(1), waiting=Waiting(3, NOW - AGE - over))
        return list(stuck(of(count)))

    assert late(PATIENCE_MS) == []
    assert late(PATIENCE_MS + MINUTE) == ["1 queue has changes that are late, by up to 16\u00a0min"]
