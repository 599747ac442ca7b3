"""The census as JSON, for programs: stable names, times in ISO 8601 and UTC. Pure."""

from __future__ import annotations

from typing import Any

from queues.census import Census
from queues.counts import OpenBatch, QueueCount
from queues.holds import Hold
from wording import moment


def document(census: Census) -> dict[str, Any]:
    """Everything `ferry status` knows."""
    return {
        "at": moment(census.at),
        "balanced": all(count.missing == 0 for count in census.queues),
        "scheduler": {"alive": census.heartbeat is not None, "last_tick_at": moment(census.heartbeat)},
        "workers": [{"name": name, "state": state} for name, state in census.workers.items()],
        "held_connections": {name: of_hold(hold) for name, hold in census.holds.items()},
        "shared_identifiers": {
            connection: {value: moment(since) for value, since in values.items()}
            for connection, values in census.shared.items()
        },
        "queues": [of_queue(count) for count in census.queues],
    }


def of_queue(count: QueueCount) -> dict[str, Any]:
    """One queue; `asked`: changes that must go whatever the size and age; `taken`: changes ever taken."""
    waiting = count.waiting
    return {
        "queue": str(count.queue),
        "kind": count.queue.kind,
        "audience": count.name or None,
        "list_id": count.list_id,
        "pending": waiting.pending,
        "asked": waiting.asked,
        "flush_size": count.policy.size,
        "flush_minutes": count.policy.age_ms / 60_000,
        "oldest_at": moment(waiting.oldest),
        "due_by": count.trigger,
        "due_at": moment(count.due),
        "last_upload_at": moment(waiting.uploaded),
        "accepted": count.accepted,
        "taken": count.taken,
        "open": count.open,
        "delivered": count.delivered,
        "imported": count.imported,
        "superseded": count.superseded,
        "dead": count.dead,
        "dead_kept": count.kept,
        "evicted": count.evicted,
        "fields_left_out": dict(count.left_out),
        "missing": count.missing,
        "hold": of_hold(count.hold) if count.hold else None,
        "batches": [_batch(batch) for batch in count.batches],
    }


def _batch(batch: OpenBatch) -> dict[str, Any]:
    return {
        "batch": batch.id,
        "changes": batch.count,
        "stage": batch.stage,
        "taken_by": batch.reason,
        "taken_at": moment(batch.taken),
        "attempts": batch.attempts,
        "trouble": batch.trouble,
        "with_a_worker": batch.held,
        "next_ring_at": moment(batch.ring),
    }


def of_hold(hold: Hold) -> dict[str, Any]:
    """A hold."""
    return {
        "reason": hold.reason,
        "since": moment(hold.since),
        "resolve": hold.resolve,
        "error_id": hold.error_id,
        "probed": hold.probed,
    }
