"""What befalls the nodes of a Redis Cluster during a soak, besides what befalls Ferry's processes."""

from __future__ import annotations

from random import Random
from typing import Final

from redis import Redis

from queues import keys
from queues.names import PARTITIONS
from tests.support.chaos import Chaos
from tests.support.cluster import Nodes
from tests.support.group import Group
from tests.support.waiting import apart, until

#: No node is given up because the machine is busy: the deeds name successors. Replicas copy at once.
OPTIONS: Final = (
    *("--cluster-node-timeout", "30000", "--cluster-require-full-coverage", "no"),
    *("--repl-diskless-sync-delay", "0", "--appendonly", "yes", "--appendfsync", "no"),
)
#: Seconds for which a master that hangs does so, at most.
HUNG_S: Final = 4.0
#: What each of the deeds to nodes is counted as.
OF_NODES: Final = frozenset(
    {"master killed", "master hung", "master hung and replaced", "slot moved", "node added", "node removed"}
)
#: A key of everything that may move: the partitions, RQ's keys, and those that schedulers and the intake need.
MOVABLE: Final = (
    *(keys.partition(number, "steps") for number in range(PARTITIONS)),
    *(keys.RQ_PREFIX, keys.WAKE, keys.METRICS, keys.HEARTBEAT, keys.QUERY_RING),
)


class ClusterChaos(Chaos):
    """Also kills and stops masters, moves slots, and adds and removes nodes."""

    def __init__(self, group: Group, redis: Redis, random: Random, nodes: Nodes) -> None:
        super().__init__(group, redis, random)
        self._nodes = nodes
        #: A master that was added, and its replica.
        self._added: tuple[int, int] | None = None
        self._deeds += [self._kill_master, self._hang, self._replace_hung, self._move]
        self._deeds += [self._add_or_remove, self._add_or_remove]
        self.due = random.sample(self._deeds, len(self._deeds))

    def _kill_master(self, _: str) -> None:
        master = self._any_master()
        self._nodes.kill(master)
        apart(self.random.uniform(0, 1))
        self._nodes.replace(master)
        self._nodes.start(master)
        self._is_replica_now(master)
        self.done["master killed"] += 1

    def _hang(self, _: str) -> None:
        master = self._any_master()
        self._nodes.pause(master)
        apart(self.random.uniform(0.1, HUNG_S))
        self._nodes.resume(master)
        self.done["master hung"] += 1

    def _replace_hung(self, _: str) -> None:
        master = self._any_master()
        self._nodes.pause(master)
        apart(self.random.uniform(0.1, HUNG_S))
        self._nodes.replace(master)
        self._nodes.resume(master)
        self._is_replica_now(master)
        self.done["master hung and replaced"] += 1

    def _move(self, _: str) -> None:
        key = self.random.choice(MOVABLE)
        self._move_to(
            key, self.random.choice([port for port in self._nodes.masters() if port != self._nodes.owner(key)])
        )

    def _add_or_remove(self, _: str) -> None:
        until(self._nodes.healthy, "all nodes agree")
        if self._added is None:
            master = self._nodes.add()
            self._added = (master, self._nodes.add(master))
            for key in self.random.sample(MOVABLE, 4):
                self._move_to(key, master)
            self.done["node added"] += 1
            return
        mine = [port for port in self._nodes.masters() if port in self._added]
        others = [port for port in self._nodes.masters() if port not in self._added]
        for key in MOVABLE:
            if self._nodes.owner(key) in mine:
                self._move_to(key, self.random.choice(others))
        self._nodes.remove(*self._added)
        self._added = None
        self.done["node removed"] += 1

    def _move_to(self, key: str, target: int) -> None:
        self._nodes.move(key, target)
        until(lambda: self._nodes.owner(key) == target, "the nodes know who has the slot")
        self.done["slot moved"] += 1

    def _any_master(self) -> int:
        until(self._nodes.healthy, "all nodes agree")
        return self.random.choice(self._nodes.masters())

    def _is_replica_now(self, port: int) -> None:
        until(lambda: self._nodes.follows(port), "the former master is a replica and has everything")
