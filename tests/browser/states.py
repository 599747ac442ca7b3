"""The states of the system that pages are looked at in, each made once, in a database with a console of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

from redis import Redis

from queues import batches, doorbell, holds, keys, pending, scripts  # before rq: doorbell sets RQ's key prefix

# isort: split
from rq import Worker
from rq.worker import WorkerStatus

from console.auth.roles import Role
from console.auth.sessions import COOKIE
from queues.acceptance import Acceptance, DeadOnArrival, calls
from queues.clock import now_ms
from queues.holds import Hold
from queues.names import Queue
from queues.policy import FlushPolicy
from queues.snapshots import guard, orders
from queues.snapshots.orders import Counts, Record, SnapshotOrder
from tests.support.console import Console, console
from tests.support.ops import VIPS, change, put, take
from tests.support.people import names

#: Of the largest state: all of one size, so that what they have besides is the same in every run.
MANY: Final = 20_000
#: Seconds: longer than any run of the tests.
_FOR_LONG: Final = 86_400


def everything_runs(redis: Redis) -> None:
    """A scheduler and a worker, for all that anybody can see, and as long as the tests take."""
    worker = Worker([doorbell.rq_queue(redis)], connection=redis, worker_ttl=_FOR_LONG)
    worker.register_birth()  # type: ignore[no-untyped-call]
    worker.set_state(WorkerStatus.IDLE)
    redis.set(keys.HEARTBEAT, now_ms() + _FOR_LONG * 1000)


def queues(redis: Redis, number: int, connection: str = "default") -> None:
    """Queues with one to five pending changes."""
    for index in range(number):
        queue = Queue(connection, "audience", f"{index:05}")
        put(redis, *names(index % 5 + 1), queue=queue, name=f"Customers {index:05}")


def three(redis: Redis) -> None:
    """Nothing is wrong."""
    queues(redis, 3)


def key_refused(redis: Redis) -> None:
    """One of two accounts."""
    queues(redis, 3)
    queues(redis, 150, "brand-b")
    holds.place(redis, "brand-b", Hold("unauthenticated", now_ms() - 60_000, "Give it a key.", probed=True))


def fail(redis: Redis, queue: Queue = VIPS) -> None:
    """Klaviyo does not take a batch of a due queue."""
    batch_id = take(redis, queue)
    assert batch_id is not None
    batch = batches.reclaim(redis, batch_id, now_ms(), 60_000)
    assert batch is not None
    batches.submit(redis, batch, b'{"stage":"upload","trouble":"http_503"}', now_ms() + 60_000, 1, fails=True)


def klaviyo_down(redis: Redis) -> None:
    """A batch is tried again."""
    put(redis, *names(100))
    fail(redis)


def scheduler_dead(redis: Redis) -> None:
    """No batch begins."""
    queues(redis, 3)
    redis.delete(keys.HEARTBEAT)


def worker_dead(redis: Redis) -> None:
    """No batch is delivered."""
    queues(redis, 3)
    for worker in Worker.all(connection=redis):
        worker.register_death()  # type: ignore[no-untyped-call]


def hold_snapshot(redis: Redis, audience: str = VIPS.target, name: str = "VIPs") -> None:
    """The guard holds a snapshot of an audience."""
    queue, at = orders.queue_of("default", audience), now_ms()
    counts = Counts(rows=40, customers=40, people=35, shrink={"email_invalid": 5}, held=200, adds=1, removals=163)
    record = Record(str(queue), SnapshotOrder(orders.new_id(queue), at, "csv"), at, 1, "held", counts)
    orders.submit(redis, queue, record, json.dumps({"name": name}).encode(), at)
    holds.place(redis, queue, Hold(guard.GUARD, at, "It would take 163 of 200 people off the list."))


def snapshot_held(redis: Redis) -> None:
    """Beside an audience of the same name."""
    put(redis, "a@example.com")
    hold_snapshot(redis)


def many(redis: Redis) -> None:
    """Queues with long names, and hundreds of everything that can be wrong with one of them."""
    every = [Queue(f"brand-{n % 40}", "audience", f"an-audience-of-the-cdp-{n:05}") for n in range(MANY)]
    for start in range(0, MANY, 500):
        part = [_of_many(start + n, queue) for n, queue in enumerate(every[start : start + 500])]
        scripts.run_each(redis, "accept", [(call.keys, call.args) for call in calls(part, now_ms())])
    for queue in every[:4_000:40]:
        pending.flush(redis, queue, now_ms())
        fail(redis, queue)
    for n, queue in enumerate(every[1:12_001:40]):
        reason = f"please ask colleague {n}" if n % 2 else "list_gone"
        holds.place(redis, queue, Hold(reason, now_ms(), "" if n % 2 else "Restore the list in Klaviyo."))
    for n in range(100):
        hold_snapshot(redis, f"a-snapshot-of-the-cdp-{n:05}", f"Customers < the year {n:05}")
    for n in range(5):
        holds.place(redis, f"brand-{30 + n}", Hold("unauthenticated", now_ms(), "Give it a key.", probed=True))


def _of_many(n: int, queue: Queue) -> Acceptance:
    dead = [DeadOnArrival(change("dead@example.com"), f"reason_{n % 60}", "$.changes[0]")] if n % 40 == 2 else []
    audience = json.dumps({"name": f"Customers < the year {n:05}", "settings": {}}).encode()
    return Acceptance(queue, FlushPolicy(), "", [change("ann@example.com")], dead, audience)


def nothing(_redis: Redis) -> None:
    """A new installation."""


@dataclass(frozen=True, slots=True)
class State:
    """How a state comes about. `verdict`: how the first page begins in it; `besides`: what else it says.

    `pages`: what other pages say. `queue`: one of its queues.
    """

    make: Callable[[Redis], None]
    verdict: str
    besides: str
    pages: dict[str, str] = field(default_factory=dict)
    queue: Queue | None = None


_FIRST: Final = Queue("default", "audience", "00001")
STATES: Final[dict[str, State]] = {
    "empty": State(
        nothing,
        "Ready for the first change",
        "Send a test change",
        {"/dead": "No dead letters", "/holds": "No holds", "/retries": "No retries", "/syncs": "No syncs"},
    ),
    "3 queues": State(three, "All well", "1\u20133 of 3 queues", {}, _FIRST),
    "20,000 queues": State(
        many,
        "Delivery is stopped for",
        "1\u201325 of 17,",
        {
            "/dead": "500 letters by reason",
            "/holds": "of 405 holds",
            "/retries": "of 100 batches",
            "/syncs": "holds 97 other syncs",
        },
        Queue("brand-1", "audience", "an-audience-of-the-cdp-00001"),
    ),
    "key refused": State(
        key_refused,
        "Delivery is stopped for brand-b",
        "Klaviyo refuses the key of brand-b",
        {"/holds": "Give it a key", "/connections": "unauthenticated"},
        Queue("brand-b", "audience", "00001"),
    ),
    "Klaviyo down": State(
        klaviyo_down,
        "Deliveries are delayed; 1 thing needs attention",
        "Klaviyo answers 503",
        {"/retries": "http_503"},
        VIPS,
    ),
    "scheduler dead": State(
        scheduler_dead,
        "Delivery is stopped",
        "No scheduler ran within the last minute",
        {"/connections": "Scheduler\nnone"},
        _FIRST,
    ),
    "worker dead": State(
        worker_dead, "Delivery is stopped", "No worker is running", {"/connections": "Workers\nnone"}, _FIRST
    ),
    "snapshot held": State(
        snapshot_held,
        "Delivery is stopped for",
        "would remove too many people",
        {"/syncs": "This sync would remove 163 people", "/holds": "VIPs"},
        Queue("default", "snapshot", VIPS.target),
    ),
}


class Consoles:
    """A console in each state, made when it is first asked for. `server`: the URL of their Redis."""

    def __init__(self, server: str, stack: ExitStack) -> None:
        self._server = server
        self._stack = stack
        self._made: dict[str, Console] = {}
        self._cookie = ""

    def at(self, name: str) -> Console:
        """The console in this state."""
        if name not in self._made:
            url = f"{self._server}?db={list(STATES).index(name)}"
            with Redis.from_url(url, socket_timeout=120) as redis:
                everything_runs(redis)
                STATES[name].make(redis)
            self._made[name] = self._stack.enter_context(console(url))
        return self._made[name]

    @property
    def cookie(self) -> str:
        """The session of an admin, which all of them accept: they have one secret."""
        if not self._cookie:
            self._cookie = self.at("empty").browser(Role.ADMIN).cookies[COOKIE]
        return self._cookie


@contextmanager
def consoles(server: str) -> Iterator[Consoles]:
    """All of them, as long as the block."""
    with ExitStack() as stack:
        yield Consoles(server, stack)
