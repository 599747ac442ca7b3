"""What befalls the processes of a group and the calls of Klaviyo during a soak."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from random import Random

from redis import Redis

from queues import keys
from tests.support import sessions
from tests.support.group import Group
from tests.support.klaviyo import Account
from tests.support.recovery import open_batches
from tests.support.waiting import apart

log = logging.getLogger(__name__)

#: Seconds that a frozen process stays frozen, at most; leases outlast it (hurried.py).
FROZEN_S = 1.0
#: Seconds after a lease was ended by force in which nothing is frozen: a worker that asked Klaviyo for something just
#: before, and were frozen in between, would be heard after the next one. In earnest a lease outlasts every request.
CALM_S = 0.7
#: Seconds for which Klaviyo has each of these.
FAULT_S = 0.5
FAULTS = ("429", "500", "503_html", "lost_response", "reset", "slow_body", "stall")


class Chaos:
    """Kills, stops, freezes and lets leases run out, one after the other. `done`: how often what.

    `due`: the deeds that have their turn next, in the order from the last to the first; each has it before any has it
    again, so that a short soak sees all of them.
    """

    def __init__(self, group: Group, redis: Redis, random: Random) -> None:
        self._group, self._redis, self.random = group, redis, random
        self.done: Counter[str] = Counter()
        self._deeds: list[Callable[[str], None]] = [
            self._kill,
            self._kill_parent,
            self._kill_delivery,
            self._terminate,
            self._freeze,
            self._end_leases,
        ]
        self.due = random.sample(self._deeds, len(self._deeds))

    def strike(self) -> None:
        """Do one thing to one process, then start again what ended."""
        name = self.random.choice([name for name in self._group.names if self._group.runs(name)])
        self.due = self.due or self.random.sample(self._deeds, len(self._deeds))
        deed = self.due.pop()
        log.info("%s: %s", name, deed.__name__)
        deed(name)
        apart(self.random.uniform(0, 0.3))
        self._group.revive()

    def _kill(self, name: str) -> None:
        self._group.send_all(name, signal.SIGKILL)
        self.done["SIGKILL"] += 1

    def _kill_parent(self, name: str) -> None:
        self._group.send(name, signal.SIGKILL)
        self.done["SIGKILL, what it forked lives on"] += 1

    def _kill_delivery(self, name: str) -> None:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            parent = self._group.pid(self.random.choice(("worker-1", "worker-2")))
            forked = [pid for pid in sessions.members(parent) if pid != parent]
            if forked:
                with suppress(ProcessLookupError):  # it ended just now
                    os.kill(forked[0], signal.SIGKILL)
                self.done["SIGKILL of a delivery alone"] += 1
                return

    def _terminate(self, name: str) -> None:
        self._group.send_all(name, signal.SIGTERM)
        self.done["SIGTERM"] += 1

    def _freeze(self, name: str) -> None:
        self._group.send_all(name, signal.SIGSTOP)
        apart(self.random.uniform(0.05, FROZEN_S))
        self._group.send_all(name, signal.SIGCONT)
        self.done["SIGSTOP"] += 1

    def _end_leases(self, name: str) -> None:
        for batch_id in open_batches(self._redis):
            if self.random.random() < 0.5 and self._redis.hget(keys.batch(batch_id), "held") == b"1":
                ring = keys.partition(keys.batch_partition(batch_id), "ring")
                self._redis.hset(keys.batch(batch_id), "lease", 1)
                self._redis.zadd(ring, {batch_id: 1}, xx=True)
                self.done["lease ended"] += 1
        apart(CALM_S)


class Faults(threading.Thread):
    """Orders a fault of Klaviyo now and then, all in turns, until told to end. `done`: how often which."""

    def __init__(self, klaviyo: Account, random: Random) -> None:
        super().__init__()
        self._klaviyo, self._random, self._over = klaviyo, random, threading.Event()
        self.done: Counter[str] = Counter()

    def __enter__(self) -> Counter[str]:
        self.start()
        return self.done

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()
        apart(FAULT_S)

    def run(self) -> None:
        """Order them."""
        due: list[str] = []
        while not self._over.wait(self._random.uniform(0.2, 1.0)):
            due = due or self._random.sample(FAULTS, len(FAULTS))
            fault = due.pop()
            self._klaviyo.control("faults", fault=fault, seconds=FAULT_S, retry_after=1)
            self.done[fault] += 1
