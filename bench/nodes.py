"""The Redis of a figure, on the loopback address: one server, or a cluster of several nodes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from redis import Redis

from bench.errors import BenchError
from bench.processes import free_port, redis_server

_SLOTS: Final = 16_384
#: Seconds that the nodes may take to become one cluster.
_PATIENCE_S: Final = 30.0


class Servers(NamedTuple):
    """One Redis or one cluster. `url`: for Ferry. `each`: the URL of every server, for what only it knows."""

    url: str
    each: tuple[str, ...]

    def cpu_s(self) -> float:
        """Return the CPU seconds that the servers have used so far."""
        return sum(_cpu_s(url) for url in self.each)


@contextmanager
def one(folder: Path) -> Iterator[Servers]:
    """Run one server; like the nodes of a cluster it is reached by TCP."""
    port = free_port()
    with redis_server(folder, "one", port=str(port)) as url:
        yield Servers(f"redis://127.0.0.1:{port}", (url,))


@contextmanager
def cluster(folder: Path, count: int) -> Iterator[Servers]:
    """Run so many nodes, which share the slots evenly and have no replicas. Raises BenchError."""
    places = [(free_port(), free_port()) for _ in range(count)]
    with ExitStack() as stack:
        urls = []
        for number, (port, bus) in enumerate(places):
            options = {"port": str(port), "cluster-enabled": "yes", "cluster-port": str(bus)}
            urls.append(stack.enter_context(redis_server(folder, f"n{number}", **options)))
        _join(urls, places)
        yield Servers("redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port, _ in places), (*urls,))


def _join(urls: Sequence[str], places: Sequence[tuple[int, int]]) -> None:
    bounds = [_SLOTS * number // len(urls) for number in range(len(urls) + 1)]
    with ExitStack() as stack:
        nodes = [stack.enter_context(Redis.from_url(url)) for url in urls]
        for node, (first, end) in zip(nodes, pairwise(bounds), strict=True):
            node.execute_command("CLUSTER ADDSLOTSRANGE", first, end - 1)
        for port, bus in places[1:]:
            nodes[0].execute_command("CLUSTER MEET", "127.0.0.1", port, bus)
        until = time.monotonic() + _PATIENCE_S
        while not all(_knows(node, len(nodes)) for node in nodes):
            if time.monotonic() > until:
                raise BenchError(f"the nodes were no cluster within {_PATIENCE_S:g} s; see their logs")
            time.sleep(0.05)


def _knows(node: Redis, count: int) -> bool:
    found = node.execute_command("CLUSTER INFO")  # type: ignore[no-untyped-call]  # as in redis-py
    return bool(found["cluster_state"] == "ok" and int(found["cluster_known_nodes"]) == count)


def _cpu_s(url: str) -> float:
    with Redis.from_url(url) as redis:
        found = redis.info("cpu")
    return float(found["used_cpu_user"]) + float(found["used_cpu_sys"])
