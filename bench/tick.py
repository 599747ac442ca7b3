"""Figure: the cost of a scheduler's tick with a hundred thousand queues, compared with ten queues."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

from redis import Redis

from bench.errors import BenchError
from bench.filling import accept, acceptances, messages
from bench.processes import redis_server
from bench.report import Figure, Row, Verdict
from bench.sizes import Sizes
from configuration.connections import DEFAULT, Connection, Connections
from queues import batches, doorbell
from queues.clock import now_ms
from queues.settlement import Settlement
from scheduler.tick import tick

#: Queues due at a tick, each with enough changes for one batch.
DUE = 10
#: Number of their first audience and message, beyond those of the idle queues.
_APART = 10**7
_LEASE_MS = 60_000
_CONNECTIONS = Connections({DEFAULT: Connection(DEFAULT)})
_HOW = f"""\
One tick takes a batch of 100 changes from each of {DUE} due queues and rings a worker for each. One ledger has only
these queues; the other also has the number of queues in the table, which are not due yet. Ticks of both ledgers take
turns; between them the batches are settled and the queues are filled again."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure a tick in both ledgers, in turns. Raises BenchError when it did not take the due batches."""
    with (
        redis_server(folder, "few") as few_url,
        redis_server(folder, "many") as many_url,
        Redis.from_url(few_url) as few,
        Redis.from_url(many_url) as many,
    ):
        accept(many, acceptances(messages(sizes.queues, 1)))
        rounds = [(_tick_ms(few, i), _tick_ms(many, i)) for i in range(sizes.ticks + 1)]
    small, large = (median(times[1:]) for times in zip(*rounds, strict=True))
    row = Row(
        f"Tick of a scheduler with {sizes.queues:,} queues, {DUE} due",
        f"{large:.1f} ms",
        f"{small:.1f} ms with {DUE} queues, {DUE} due",
        Verdict(f"{large / small:.2f}x"),
    )
    return Figure("Tick", _HOW, [row])


def _tick_ms(redis: Redis, i: int) -> float:
    accept(redis, acceptances(messages(DUE, 100, audience=_APART, first=_APART + i * DUE)))
    now = now_ms()
    began = time.perf_counter()
    tick(redis, _CONNECTIONS, now)
    took = time.perf_counter() - began
    _settle(redis)
    return took * 1000


def _settle(redis: Redis) -> None:
    open_batches = batches.to_ring(redis, now_ms() + _LEASE_MS)
    if len(open_batches) != DUE or doorbell.rq_queue(redis).count != DUE:
        raise BenchError(f"a tick took {len(open_batches)} batches instead of {DUE}")
    doorbell.rq_queue(redis).delete(delete_jobs=True)
    for batch_id in open_batches:
        batch = batches.reclaim(redis, batch_id, now_ms(), _LEASE_MS)
        if batch is None:
            raise BenchError(f"a worker has batch {batch_id}, but this benchmark runs no workers")
        batches.settle(redis, batch, Settlement(), now_ms())
