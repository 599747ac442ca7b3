"""A Redis Cluster of three embedded servers on this machine, for `ferry demo --cluster`."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from redis import Redis

from local import embedded_redis, ports
from ops.errors import Failed

_HOST: Final = "127.0.0.1"
_NODES: Final = 3
_SLOTS: Final = 16_384
#: Seconds until the nodes must know each other; usually two.
_PATIENCE_S: Final = 30.0


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run the cluster for the block and yield its REDIS_URL. Raises Failed if it does not come up."""
    found = [(ports.any_free(), ports.any_free()) for _ in range(_NODES)]
    with ExitStack() as stack:
        for port, bus in found:
            where = folder / f"node-{port}"
            where.mkdir(parents=True)
            process = subprocess.Popen(_command(where, port, bus))  # noqa: S603  # the embedded server, no shell
            stack.callback(process.wait)
            stack.callback(process.kill)
        _join(found)
        yield "redis+cluster://" + ",".join(f"{_HOST}:{port}" for port, _ in found)


def _command(folder: Path, port: int, bus: int) -> list[str]:
    options = {"port": port, "bind": _HOST, "cluster-enabled": "yes", "cluster-port": bus}
    more = (word for name, value in options.items() for word in (f"--{name}", str(value)))
    return [*embedded_redis.command(folder, Path("redis.sock")), *more]


def _join(found: list[tuple[int, int]]) -> None:
    until = time.monotonic() + _PATIENCE_S
    with ExitStack() as stack:
        nodes = [stack.enter_context(Redis(_HOST, port)) for port, _ in found]
        while not all(embedded_redis.answers(f"redis://{_HOST}:{port}") for port, _ in found):
            _pause(until)
        for number, (node, (port, bus)) in enumerate(zip(nodes, found, strict=True)):
            first, last = _SLOTS * number // _NODES, _SLOTS * (number + 1) // _NODES - 1
            node.cluster("ADDSLOTSRANGE", first, last)
            nodes[0].cluster("MEET", _HOST, port, bus)
        while not all(_is_whole(node) for node in nodes):
            _pause(until)


def _is_whole(node: Redis) -> bool:
    found = node.cluster("INFO")
    return (found["cluster_state"], found["cluster_known_nodes"]) == ("ok", str(_NODES))


def _pause(until: float) -> None:
    if time.monotonic() > until:
        raise Failed(f"the nodes of the Redis Cluster did not find each other within {_PATIENCE_S:.0f} s")
    time.sleep(0.1)
