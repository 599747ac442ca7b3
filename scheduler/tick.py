"""One tick: takes due batches, rings workers, probes held connections, and records a heartbeat.

Any number of schedulers may tick at the same time: the ledger decides who takes, and ringing twice does no harm.
"""

from __future__ import annotations

import logging
from collections import Counter

from redis import Redis

from configuration.connections import Connections, UnknownConnection
from logs import log_ids
from queues import (
    batches,
    doorbell,
    figures,
    holds,
    metrics,
    pending,
    schedulers,
    undecided_erasures,
)
from queues.names import Queue
from queues.policy import FlushPolicy, Reason, behind, decide

log = logging.getLogger(__name__)

#: Seconds between two ticks.
TICK_S = 2
#: ms after which a batch is rung again if no worker took it up.
RING_AGAIN_MS = 30_000
#: Queues read in one round trip.
LOOKED_AT_ONCE = 500
#: ms between probes of held connections. Klaviyo allows 15 account requests a minute.
PROBE_MS = 180_000
#: ms for which a heartbeat is valid.
HEARTBEAT_MS = 60_000


def tick(redis: Redis, connections: Connections, now: int) -> None:
    """Run one tick. Raises redis.RedisError; the next tick then does what is left."""
    take_due(redis, connections, now)
    ring(redis, now)
    probe_held(redis, now)
    schedulers.heartbeat(redis, now, HEARTBEAT_MS)


def take_due(redis: Redis, connections: Connections, now: int) -> int:
    """Take batches until nothing that can be taken is due; return how many were taken."""
    due = pending.due(redis, now)
    held = holds.of_connections(redis).keys() if due else ()
    # An erasure is done in Ferry at once, despite a hold; in Klaviyo when the hold ends.
    free = [queue for queue in due if queue.connection not in held or queue.kind == undecided_erasures.KIND]
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


def _take(redis: Redis, seen: pending.QueueState, policy: FlushPolicy, now: int) -> Reason | None:
    decision = decide(seen.waiting, policy, now)
    if decision is None:
        return None
    reason, most = decision
    batch_id = pending.take(redis, seen, reason, most, now)
    if batch_id is None and (most := behind(seen.waiting, policy)):
        reason, batch_id = "size", pending.take(redis, seen, "size", most, now, behind=True)
    if batch_id is None:
        return None
    with log_ids.bound(batch=batch_id, queue=str(seen.queue)):
        fields = {"stage": "taken", "reason": reason}
        log.info(
            "batch %s: taken from %s (%s); a worker is rung", batch_id, seen.queue, reason, extra={"fields": fields}
        )
    return reason


def ring(redis: Redis, now: int) -> int:
    """Ring a worker for every batch that waits for one; return how many."""
    to_ring = batches.to_ring(redis, now)
    if to_ring:
        doorbell.ring(redis, to_ring, now)
        batches.rung(redis, to_ring, now + RING_AGAIN_MS)
    return len(to_ring)


def probe_held(redis: Redis, now: int) -> int:
    """Let workers probe held connections, at intervals shared by all schedulers; return how many."""
    if not schedulers.may_probe(redis, now, PROBE_MS):
        return 0
    probed = [name for name, hold in holds.of_connections(redis).items() if hold.probed]
    for connection in probed:
        doorbell.ask_probe(redis, connection, now)
    return len(probed)


def policy_of(connections: Connections, queue: Queue) -> FlushPolicy:
    """Return a queue's flush policy; the default connection's if its connection is no longer configured."""
    try:
        connection = connections.named(queue.connection)
    except UnknownConnection:
        connection = connections.named("default")
    return connection.policy_for(queue.kind, queue.target)


def refile(redis: Redis, connections: Connections, now: int) -> None:
    """Apply the configured policy to every queue, and count it anew; done when a scheduler starts."""
    queues = pending.all_queues(redis)
    for start in range(0, len(queues), LOOKED_AT_ONCE):
        part = queues[start : start + LOOKED_AT_ONCE]
        pending.set_policies(redis, {queue: policy_of(connections, queue) for queue in part}, now)
    figures.recount(redis, queues)
