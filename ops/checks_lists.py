"""What `ferry doctor` looks at in Klaviyo's lists: which audiences share one, as the ledger has it."""

from __future__ import annotations

from contextlib import suppress

from redis import Redis

from connections import Connections, UnknownConnection
from intake.readiness import Check
from queues import kept, owners
from queues.names import Queue


def lists_check(redis: Redis, connections: Connections) -> Check:
    """Pairs that the settings allow are fine, others deserve a look: one may be a mistake. Raises RedisError."""
    connections.include(kept.names(redis))
    found = [pair for pair in owners.shared(redis) if not _is_meant(connections, pair.queue)]
    if not found:
        return Check("lists", True, "none is shared but where shared_list says so")
    pairs = "; ".join(f"{pair.list_id} by {pair.keeper} and {pair.queue}" for pair in found)
    remedy = "each takes off whom the other puts on: name another list for one, or say shared_list = true"
    return Check("lists", True, f"shared: {pairs}", remedy)


def _is_meant(connections: Connections, queue: Queue) -> bool:
    with suppress(UnknownConnection):
        return connections.named(queue.connection).may_share(queue.target)
    return False
