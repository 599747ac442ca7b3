"""Orders the comparisons of lists that connections.toml asks for (`reconcile = "daily"`)."""

from __future__ import annotations

import logging

from redis import Redis

from configuration.connections import Connections
from queues import pending, schedulers
from queues.errors import QueueFull
from queues.names import Queue
from queues.snapshots import comparisons

log = logging.getLogger(__name__)

#: ms between two looks, for all schedulers together.
EVERY_MS = 60_000


def order_comparisons(redis: Redis, connections: Connections, now: int) -> int:
    """Order the comparisons that are due, unless a scheduler looked within the minute; return how many. `now`: ms."""
    if not schedulers.may_compare(redis, now, EVERY_MS):
        return 0
    wanted = [
        (Queue(connection.name, "audience", target), own.reconcile_repair)
        for connection in connections
        for target, own in connection.audiences.items()
        if own.reconcile
    ]
    ordered = sum(_order(redis, audience, now, repair) for audience, repair in wanted)
    if ordered:
        pending.wake(redis)
    return ordered


def _order(redis: Redis, audience: Queue, now: int, repair: bool) -> bool:
    try:
        ordered = comparisons.order_due(redis, audience, now, repair=repair)
    except QueueFull as full:
        log.warning("%s is not compared with its list today: %s", audience, full)
        return False
    if ordered:
        log.info("%s: its list is compared with the membership ledger; a worker is rung", audience)
    return ordered
