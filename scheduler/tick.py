"""One look at everything: take what is due, ring for what is to be rung, leave a heartbeat.

Any number of schedulers may tick at the same time: taking is decided by the ledger, ringing twice does nothing.
"""

from __future__ import annotations

import logging
from collections import Counter

from redis import Redis

import log_ids
from connections import Connections, UnknownConnection
from queues import batches, doorbell, holds, keys, looks, metrics, pending
from queues.names import Queue
from queues.policy import FlushPolicy, Reason, decide
from scheduler.housekeeping import housekeep

log = logging.getLogger(__name__)

#: Seconds between two ticks.
TICK_S = 2
#: A batch is rung for again when no worker took it up for so long (ms).
RING_AGAIN_MS = 30_000
#: Queues looked at in one round trip.
LOOKED_AT_ONCE = 500
#: Held connections are probed this often (ms). Klaviyo answers 15 questions about an account a minute.
PROBE_MS = 180_000
#: The heartbeat outlives this many missed ticks (ms).
HEARTBEAT_MS = 60_000


def tick(redis: Redis, connections: Connections, now: int) -> None:
    """Take, ring, and say that this scheduler lives. Raises redis.RedisError; what was not done, the next one does."""
    take_due(redis, connections, now)
    ring(redis, now)
    probe_held(redis, now)
    redis.set(keys.HEARTBEAT, now, px=HEARTBEAT_MS)
    housekeep(redis, now)


def take_due(redis: Redis, connections: Connections, now: int) -> int:
    """Take batches until nothing is due that can be taken; how many were taken."""
    due = pending.due(redis, now)
    held = holds.of_connections(redis).keys() if due else ()
    # Whoever asks to be forgotten is at once, here; Klaviyo is asked when the hold ends.
    free = [queue for queue in due if queue.connection not in held or queue.kind == looks.KIND]
    parts = (free[start : start + LOOKED_AT_ONCE] for start in range(0, len(free), LOOKED_AT_ONCE))
    return sum(_take_from(redis, connections, part, now) for part in parts)


def _take_from(redis: Redis, connections: Connections, queues: list[Queue], now: int) -> int:
    taken = 0
    while queues:
        took = [
            (seen.queue, reason)
            for seen in pending.look(redis, queues)
            if not seen.held and (reason := _take(redis, seen, policy_of(connections, seen.queue), now))
        ]
        metrics.count(redis, Counter(metrics.of(metrics.TAKEN, queue, reason) for queue, reason in took))
        taken += len(took)
        queues = [queue for queue, _ in took]
    return taken


def _take(redis: Redis, seen: pending.Look, policy: FlushPolicy, now: int) -> Reason | None:
    decision = decide(seen.waiting, policy, now)
    if decision is None:
        return None
    reason, most = decision
    batch_id = pending.take(redis, seen, reason, most, now)
    if batch_id is None:
        return None
    with log_ids.bound(batch=batch_id, queue=str(seen.queue)):
        fields = {"stage": "taken", "reason": reason}
        log.info(
            "batch %s: taken from %s (%s); a worker is rung", batch_id, seen.queue, reason, extra={"fields": fields}
        )
    return reason


def ring(redis: Redis, now: int) -> int:
    """Ring a worker for every batch that waits for one; how many."""
    to_ring = batches.to_ring(redis, now)
    if to_ring:
        doorbell.ring(redis, to_ring, now)
        batches.rung(redis, to_ring, now + RING_AGAIN_MS)
    return len(to_ring)


def probe_held(redis: Redis, now: int) -> int:
    """Let workers try, once every few minutes for all schedulers together, whether held connections may go on."""
    if not redis.set(keys.PROBING, now, nx=True, px=PROBE_MS):
        return 0
    probed = [name for name, hold in holds.of_connections(redis).items() if hold.probed]
    for connection in probed:
        doorbell.ask_probe(redis, connection, now)
    return len(probed)


def policy_of(connections: Connections, queue: Queue) -> FlushPolicy:
    """The flush policy of a queue; the default connection's where the queue's connection is no longer configured."""
    try:
        connection = connections.named(queue.connection)
    except UnknownConnection:
        connection = connections.named("default")
    return connection.policy_for(queue.kind, queue.target)


def refile(redis: Redis, connections: Connections, now: int) -> None:
    """File every queue under the policy configured now; done when a scheduler starts."""
    for queue in pending.all_queues(redis):
        pending.set_policy(redis, queue, policy_of(connections, queue), now)
