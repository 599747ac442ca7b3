"""Figure: the cost for the intake of answering only after the data is durable (FERRY_DURABLE)."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from redis import Redis

from bench import rivals
from bench.errors import BenchError
from bench.gunicorn_conf import workers
from bench.load import Result
from bench.processes import free_port, redis_server
from bench.report import Figure, Row, Verdict
from bench.rivals import CONNECTIONS, Rival, send
from bench.sizes import Sizes

#: Changes in a request.
_SIZES = (1, 100)
#: Seconds that a replica may take to connect.
_PATIENCE_S = 30.0
_HOW = f"""\
As for accepted changes, with {workers} `ferry web` processes and {CONNECTIONS} connections. Each way has a separate
Redis on this machine and takes turns with the others: `local` with `appendfsync everysec`, the base of the ratios;
`local` with `always`, which syncs before every answer; `fsync` with `always`; `replicas:1` with `everysec` and one
replica, which shares the cores. The time of a sync depends on the disk of this machine."""
#: Name -> (FERRY_DURABLE, appendfsync, whether there is a replica). The first one is the base of the comparison.
_WAYS = {
    "local, everysec": ("local", "everysec", False),
    "local, always": ("local", "always", False),
    "fsync, always": ("fsync", "always", False),
    "replicas:1, everysec": ("replicas:1", "everysec", True),
}


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure all ways in turns. Raises BenchError."""
    with ExitStack() as stack:
        ways = {name: _rival(stack, folder / f"d{number}", name, sizes.webs) for number, name in enumerate(_WAYS)}
        rivals.warm_up(sizes.load_s, *ways.values())
        rows = [row for changes in _SIZES for row in _rows(ways, changes, sizes)]
    return Figure("Durable before the answer", _HOW, rows)


def _rival(stack: ExitStack, folder: Path, name: str, webs: int) -> Rival:
    durable, appendfsync, replicated = _WAYS[name]
    folder.mkdir()
    port = free_port()
    url = stack.enter_context(redis_server(folder, port=str(port), appendfsync=appendfsync))
    if replicated:
        stack.enter_context(redis_server(folder, "replica", replicaof=f"127.0.0.1 {port}"))
        _wait_for_replica(url)
    return stack.enter_context(rivals.ferry(url, folder, webs, FERRY_DURABLE=durable))


def _wait_for_replica(url: str) -> None:
    """Return when the replica has all data; before that Ferry answers 503. Raises BenchError."""
    until = time.monotonic() + _PATIENCE_S
    with Redis.from_url(url) as primary:
        while primary.info("replication").get("slave0", {}).get("state") != "online":
            if time.monotonic() > until:
                raise BenchError(f"the replica was not connected within {_PATIENCE_S:g} s; see its log")
            time.sleep(0.05)


def _rows(ways: dict[str, Rival], changes: int, sizes: Sizes) -> list[Row]:
    found: dict[str, list[Result]] = {name: [] for name in ways}
    for _ in range(sizes.rounds):
        for name, rival in ways.items():
            found[name].append(send(rival, changes, sizes.load_s))
    rates = {name: median(each.per_second * changes for each in results) for name, results in found.items()}
    waits = {name: median(each.p99 for each in results) for name, results in found.items()}
    (first, usual), *others = rates.items()
    return [
        Row(
            f"Changes accepted a second, {changes} in a request, {name}",
            f"{rate:,.0f} (p99 {waits[name]:.0f} ms)",
            f"{usual:,.0f} {first} (p99 {waits[first]:.0f} ms)",
            Verdict(ratio=f"{rate / usual:.2f}"),
        )
        for name, rate in others
    ]
