"""Figure: the cost of a scheduler's tick with very many queues, compared with ten queues."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from statistics import median
from typing import Final

from redis import Redis

from bench.errors import BenchError
from bench.filling import accept, acceptances, messages
from bench.processes import program, python, redis_server
from bench.report import Figure, Row, Verdict
from bench.sizes import Sizes
from configuration.connections import DEFAULT, Connection, Connections
from queues import batches, doorbell, keys
from queues.clock import now_ms
from queues.settlement import Settlement
from scheduler.tick import TICK_S, tick

#: Queues due at a tick, each with enough changes for one batch.
DUE: Final = 10
#: Number of their first audience and message, beyond those of the idle queues.
_APART: Final = 10**7
_LEASE_MS: Final = 60_000
_CONNECTIONS: Final = Connections({DEFAULT: Connection(DEFAULT)})
#: What the scheduler's log says of a tick that was due while the one before it ran.
_SKIPPED: Final = "maximum number of running instances reached"
_HOW: Final = f"""\
One tick takes a batch of 100 changes from each of {DUE} due queues and rings a worker for each. One ledger has only
these queues; the other also has the number of queues in the table, which are not due yet. Ticks of both ledgers take
turns; between them the batches are settled and the queues are filled again. During a tick of over
{TICK_S} s the next one would be skipped. At the end a `ferry scheduler` runs on the larger ledger for {{watch_s:g}} s
after its first tick, and the ticks count that its log reports as skipped."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure a tick in both ledgers, in turns. Raises BenchError when it did not take the due batches."""
    rows, number = [], count()
    with ExitStack() as stack:
        urls = [stack.enter_context(redis_server(folder, name)) for name in ("few", "many")]
        few, many = (stack.enter_context(Redis.from_url(url)) for url in urls)
        there = 0
        for queues in sizes.queues:
            accept(many, acceptances(messages(queues - there, 1, audience=1 + there, first=there)))
            there = queues
            turns = [[_tick_ms(redis, next(number)) for redis in (few, many)] for _ in range(sizes.ticks + 1)]
            rows.append(_row(queues, turns[1:]))
        rows.append(_skipped(many, urls[1], folder, sizes))
    return Figure("Tick", _HOW.format(watch_s=sizes.watch_s), rows)


def _row(queues: int, turns: Sequence[Sequence[float]]) -> Row:
    few, many = zip(*turns, strict=True)
    small, large, longest = median(few), median(many), max(many)
    return Row(
        f"Tick of a scheduler with {queues:,} queues, {DUE} due",
        f"{large:.1f} ms, the longest {longest:.1f} ms",
        f"{small:.1f} ms with {DUE} queues, {DUE} due",
        Verdict(f"{large / small:.2f}x", f"longest < {TICK_S} s", longest < TICK_S * 1000),
    )


def _skipped(redis: Redis, url: str, folder: Path, sizes: Sizes) -> Row:
    """Run a scheduler, and count the ticks that it skipped after its first one."""
    log = folder / "scheduler.log"
    values = {"REDIS_URL": url, "FERRY_VAR": str(folder)}
    redis.delete(keys.HEARTBEAT)  # of the ticks before
    began = time.monotonic()
    with program(log, python("-m", "commands", "scheduler"), values, lambda: bool(redis.exists(keys.HEARTBEAT))):
        start_s = time.monotonic() - began
        time.sleep(sizes.watch_s)
    skipped = log.read_text(errors="replace").count(_SKIPPED)
    return Row(
        f"Ticks skipped with {sizes.queues[-1]:,} queues, in {sizes.watch_s:g} s",
        f"{skipped}, the first after {start_s:.1f} s",
        "",
        Verdict("", "0", skipped == 0),
    )


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
