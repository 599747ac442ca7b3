"""Redis Clusters of real servers on the loopback address."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from redis import Redis
from redis.crc import key_slot
from redis.exceptions import ResponseError

from queues.server.connection import connect
from tests.support.valkey import VALKEY, command, wait_until_up
from tests.support.waiting import until
from tests.support.web import free_port

HOST = "127.0.0.1"
SLOTS = 16_384
#: What `redis_server` takes for a cluster of one node with all slots: it checks every command as a large one does.
ONE_NODE: Final = "cluster"
#: For the tests of a module that commands with several keys run through.
BOTH: Final = pytest.mark.parametrize("redis_server", [VALKEY, ONE_NODE], indirect=True, ids=["server", "cluster"])


class Nodes:
    """The servers, by port. The first `masters` of them share the slots; each other one is the replica of one."""

    def __init__(self, folder: Path, masters: int, replicas: int, *options: str) -> None:
        self._folder, self._masters, self._options = folder, masters, options
        #: Port of clients -> port of the bus.
        self._bus = {free_port(): free_port() for _ in range(masters + replicas)}
        self.ports = list(self._bus)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._paused: set[int] = set()

    @property
    def url(self) -> str:
        """REDIS_URL of the cluster."""
        return "redis+cluster://" + ",".join(f"{HOST}:{port}" for port in self.ports)

    def start(self, port: int) -> None:
        """Start one server."""
        where = self._folder / str(port)
        where.mkdir(exist_ok=True)
        places = ("--port", str(port), "--bind", HOST, "--dir", str(where), "--cluster-port", str(self._bus[port]))
        words = command(*places, "--cluster-enabled", "yes", *self._options)
        self._processes[port] = subprocess.Popen(words, stdout=subprocess.DEVNULL)

    def pause(self, port: int) -> None:
        """SIGSTOP one server: it takes connections and answers nothing."""
        self._processes[port].send_signal(signal.SIGSTOP)
        self._paused.add(port)

    def resume(self, port: int) -> None:
        """Let it go on."""
        self._processes[port].send_signal(signal.SIGCONT)
        self._paused.discard(port)

    def kill(self, port: int) -> None:
        """SIGKILL one server."""
        process = self._processes.pop(port)
        self._paused.discard(port)
        process.kill()
        process.wait(30)

    def kill_all(self) -> None:
        """SIGKILL those that run."""
        for port in list(self._processes):
            self.kill(port)

    def join(self) -> None:
        """Make one cluster of the servers, and wait until it is."""
        masters, replicas = self.ports[: self._masters], self.ports[self._masters :]
        with ExitStack() as stack:
            nodes = {port: stack.enter_context(Redis(HOST, port)) for port in self.ports}
            for number, port in enumerate(self.ports):
                wait_until_up(f"redis://{HOST}:{port}")
                if number < len(masters):
                    first, last = SLOTS * number // len(masters), SLOTS * (number + 1) // len(masters) - 1
                    nodes[port].execute_command("CLUSTER ADDSLOTSRANGE", first, last)
                nodes[masters[0]].execute_command("CLUSTER MEET", HOST, port, self._bus[port])
            until(lambda: all(_state(node) == ("ok", str(len(nodes))) for node in nodes.values()), "the cluster forms")
            for port, master in zip(replicas, masters, strict=False):
                nodes[port].execute_command("CLUSTER REPLICATE", nodes[master].execute_command("CLUSTER MYID"))
            for port in replicas:
                until(lambda node=nodes[port]: node.info("replication").get("master_link_status") == "up")  # type: ignore[misc]

    def replace(self, master: int) -> None:
        """Let the replica of a master that is away take over, without waiting for the others to vote."""
        with Redis(HOST, self.replica_of(master)) as node:
            node.execute_command("CLUSTER FAILOVER", "TAKEOVER")
            until(lambda: node.info("replication")["role"] == "master", "the replica takes over")

    def follows(self, port: int) -> bool:
        """Whether a server is a replica and has everything its master has."""
        with Redis(HOST, port) as node:
            return bool(node.info("replication").get("master_link_status") == "up")

    def add(self, master: int | None = None) -> int:
        """Start one more server, without slots, or as the replica of a master; its port."""
        port, bus = free_port(), free_port()
        self._bus[port] = bus
        self.start(port)
        wait_until_up(f"redis://{HOST}:{port}")
        with Redis(HOST, port) as new:
            known = next(each for each in self._up() if each != port)
            with Redis(HOST, known) as old:
                old.execute_command("CLUSTER MEET", HOST, port, bus)
            others = len(self._processes) - 1
            until(lambda: all(_knows(each, others) for each in self._up()), "all know the new one, and it knows all")
            if master is not None:
                with Redis(HOST, master) as of:
                    new.execute_command("CLUSTER REPLICATE", of.execute_command("CLUSTER MYID"))
                until(lambda: self.follows(port), "it has what its master has")
        return port

    def remove(self, *ports: int) -> None:
        """End servers that have no slots any more, or are replicas of such, and let the others forget them."""
        for port in ports:
            with Redis(HOST, port) as node:
                gone = node.execute_command("CLUSTER MYID")
            self.kill(port)
            del self._bus[port]
            shutil.rmtree(self._folder / str(port))
            for each in self._up():
                with Redis(HOST, each) as node:
                    if each not in ports:
                        node.execute_command("CLUSTER FORGET", gone)

    def move(self, key: str, target: int) -> None:
        """Move the slot of a key to another master, key by key, as an operator does who adds one."""
        for _ in self.moving(key, target):
            pass

    def moving(self, key: str, target: int, last: str = "") -> Iterator[str]:
        """The same; yields each key when it has moved. `last`: how the keys begin that move after all others."""
        slot, source = key_slot(key.encode()), self.owner(key)
        with Redis(HOST, source) as old, Redis(HOST, target) as new:
            from_id, to_id = (node.execute_command("CLUSTER MYID") for node in (old, new))
            _assign(new, slot, "IMPORTING", from_id)
            _assign(old, slot, "MIGRATING", to_id)
            while found := old.execute_command("CLUSTER GETKEYSINSLOT", slot, 1_000):
                for each in sorted(found, key=lambda each: bool(last) and each.startswith(last)):
                    old.execute_command("MIGRATE", HOST, target, "", 0, 5_000, "KEYS", each)
                    yield each
            for node in (new, old):
                _assign(node, slot, "NODE", to_id)

    def owner(self, key: str) -> int:
        """The port of the master that has a key, as the others see it."""
        slot = key_slot(key.encode())
        for first, last, (_, master, *_), *_ in self._slots():
            if first <= slot <= last:
                return int(master)
        raise AssertionError(f"nobody has slot {slot}")

    def masters(self) -> list[int]:
        """The ports of those that have slots."""
        return sorted({int(master) for _, _, (_, master, *_), *_ in self._slots()})

    def replica_of(self, master: int) -> int:
        """The port of a replica."""
        return next(int(replica[1]) for _, _, (_, port, *_), replica, *_ in self._slots() if int(port) == master)

    def healthy(self) -> bool:
        """Whether all see the same, and each master has a replica that has everything."""
        views = [self._view(port) for port in self._up()]
        replicas = [port for _, found in views[0].values() for port in found]
        return (
            all(view == views[0] for view in views)
            and all(found for _, found in views[0].values())
            and all(self.follows(port) for port in replicas)
        )

    def _view(self, port: int) -> dict[tuple[int, int], tuple[int, frozenset[int]]]:
        with Redis(HOST, port) as node:
            return {
                (first, last): (int(master), frozenset(int(replica[1]) for replica in replicas))
                for first, last, (_, master, *_), *replicas in node.execute_command("CLUSTER SLOTS")
            }

    def _up(self) -> list[int]:
        return [port for port in self._processes if port not in self._paused]

    def _slots(self) -> list[Any]:
        with Redis(HOST, self._up()[0]) as node:
            return list(node.execute_command("CLUSTER SLOTS"))


def _assign(node: Redis, *words: Any) -> None:
    """Say where a slot is. Valkey asks the replicas first, and one may just be connecting.

    A node that hears that its last slot is another's becomes its replica, and need not be told.
    """

    def said() -> bool:
        try:
            node.execute_command("CLUSTER SETSLOT", *words)  # type: ignore[no-untyped-call]  # as in redis-py
        except ResponseError as fault:
            if "only with masters" in str(fault):
                return True
            if "NOREPLICAS" not in str(fault):
                raise
            return False
        return True

    until(said, "the replicas are there")


def _knows(port: int, others: int) -> bool:
    with Redis(HOST, port) as node:
        state, known = _state(node)
        return bool(state == "ok" and int(known) > others)


def _state(node: Redis) -> tuple[str, str]:
    found = node.execute_command("CLUSTER INFO")  # type: ignore[no-untyped-call]  # as in redis-py
    return found["cluster_state"], found["cluster_known_nodes"]


@contextmanager
def cluster_of(folder: Path, masters: int, replicas: int = 0, *options: str) -> Iterator[Nodes]:
    """A cluster that lives as long as the block."""
    nodes = Nodes(folder, masters, replicas, *options)
    try:
        for port in nodes.ports:
            nodes.start(port)
        nodes.join()
        yield nodes
    finally:
        nodes.kill_all()


@contextmanager
def running_cluster(folder: Path) -> Iterator[Any]:
    """Ferry's own client of three masters; Any, because it has more methods than that of one server."""
    with cluster_of(folder, 3) as nodes, connect(nodes.url) as client:
        yield client
