"""A Redis Cluster of three real servers on the loopback address."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from redis import Redis
from redis.cluster import RedisCluster

from tests.support.valkey import command, wait_until_up
from tests.support.waiting import until
from tests.support.web import free_port

HOST = "127.0.0.1"
NODES = 3
SLOTS = 16_384


@contextmanager
def running_cluster(folder: Path) -> Iterator[RedisCluster]:
    """Three masters that share the slots, and a client of them; ended with the block."""
    ports = [(free_port(), free_port()) for _ in range(NODES)]
    with ExitStack() as stack:
        for port, bus in ports:
            where = folder / str(port)
            where.mkdir()
            options = ("--port", str(port), "--bind", HOST, "--dir", str(where), "--cluster-port", str(bus))
            process = subprocess.Popen(command(*options, "--cluster-enabled", "yes"), stdout=subprocess.DEVNULL)
            stack.callback(process.wait, 10)
            stack.callback(process.kill)
        _join(ports)
        yield stack.enter_context(RedisCluster(host=HOST, port=ports[0][0]))


def _join(ports: list[tuple[int, int]]) -> None:
    with ExitStack() as stack:
        nodes = [stack.enter_context(Redis(HOST, port)) for port, _ in ports]
        for number, (node, (port, _)) in enumerate(zip(nodes, ports, strict=True)):
            wait_until_up(f"redis://{HOST}:{port}")
            first, last = SLOTS * number // NODES, SLOTS * (number + 1) // NODES - 1
            node.execute_command("CLUSTER ADDSLOTSRANGE", first, last)
            nodes[0].execute_command("CLUSTER MEET", HOST, port, ports[number][1])
        until(lambda: all(_is_whole(node) for node in nodes), "the cluster forms")


def _is_whole(node: Redis) -> bool:
    found = node.execute_command("CLUSTER INFO")  # type: ignore[no-untyped-call]  # as in redis-py
    return (found["cluster_state"], found["cluster_known_nodes"]) == ("ok", str(NODES))
