from __future__ import annotations

from ops.actions import FlushRequest
from queues.counts import OpenBatch
from tests.support.ops import VIPS, counted


def batch(name: str, changes: int) -> OpenBatch:
    return OpenBatch(name, 0, changes, "operator", "upload", 0, held=False, ring=0)


def test_what_is_not_taken_yet_and_what_is_open_remains() -> None:
    errand = FlushRequest(VIPS, asked=150, upto=350)
    assert errand.remaining(counted(taken=200, open=20, batches=(batch("old", 20),))) == 170
    assert errand.remaining(counted(taken=300, open=120, batches=(batch("old", 20), batch("a", 100)))) == 170


def test_only_the_batches_open_when_all_was_taken_are_waited_for() -> None:
    errand = FlushRequest(VIPS, asked=150, upto=350)
    assert errand.remaining(counted(taken=350, open=150, batches=(batch("a", 100), batch("b", 50)))) == 150
    later = (batch("b", 50), batch("later", 100))
    assert errand.remaining(counted(taken=450, open=150, batches=later)) == 50
    assert errand.remaining(counted(taken=450, open=100, batches=later[1:])) == 0


def test_with_nothing_asked_the_open_batches_are_waited_for() -> None:
    errand = FlushRequest(VIPS, asked=0, upto=100)
    assert errand.remaining(counted(taken=100, open=100, batches=(batch("a", 100),))) == 100
    assert errand.remaining(counted(taken=100)) == 0
