"""What is kept of all queues together equals what is counted queue by queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest
from redis import Redis

from queues import batches, figures, pending, queue_rows, scripts
from queues.census import count
from queues.counts import QueueCount
from queues.figures import Figures, Totals, trouble_of
from queues.names import Queue
from queues.pending import all_queues

_FEW: Final = 2
#: The source of a script, whatever a test puts in its place.
as_it_is: Final = scripts.text


def forgetful(name: str) -> str:
    """A script as an older Ferry has it, which keeps no figures."""
    source = as_it_is(name)
    assert source.count("\nlocal function keep(") == 1, "the function has another name: seed this bug anew"
    return "local function keep() end\n" + source.replace("\nlocal function keep(", "\nlocal function unused(")


def read_few(patch: pytest.MonkeyPatch, *queues: Queue) -> None:
    """Read only the first two partitions, where all of these queues are: at each step a dozen empty ones take long."""
    assert all(queue.partition < _FEW for queue in queues)
    for module in (batches, figures, pending, queue_rows):
        patch.setattr(module, "PARTITIONS", _FEW)


def assert_kept(redis: Redis) -> None:
    counts = count(redis, all_queues(redis))
    assert figures.read(redis) == Totals.counted(counts), "the kept totals are wrong"
    counted = {each.queue: trouble_of(Figures.of(each)) for each in counts}
    kept = figures.in_trouble(redis)
    assert kept == {queue: score for queue, score in counted.items() if score}, "the kept trouble is wrong"
    assert_rows(redis, counts)


def assert_rows(redis: Redis, counts: Sequence[QueueCount]) -> None:
    """So do the rows of a table."""
    found = {row.queue: row for row in queue_rows.rows(redis)}
    assert set(found) == {str(each.queue) for each in counts}
    for each in counts:
        row, counted = found[str(each.queue)], Figures.of(each)
        assert (row.name, row.due) == (each.name, each.due), "the kept rows are wrong"
        assert row.figure("oldest") == (counted.oldest or 0), "the kept rows are wrong"
        for name in ("pending", "open", "delivered", "kept", "held", "failing", "missing"):
            assert row.figure(name) == getattr(counted, name), "the kept rows are wrong"
