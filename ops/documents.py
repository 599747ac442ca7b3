"""The census as JSON, for programs: stable names, times in ISO 8601 and UTC. Pure.

The census from its JSON (status_json.py), for commands that look at a Ferry elsewhere. Pure.

A settled batch as JSON, for programs. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from queues.census import Census
from queues.counts import OpenBatch, QueueCount
from queues.history.settled import Settled
from queues.holds import Hold
from queues.names import Queue
from queues.policy import FlushPolicy, Waiting
from text.wording import moment, ms_of


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


def census(told: Mapping[str, Any]) -> Census:
    """What the document was made of. Raises KeyError, TypeError or ValueError for what is no such document."""
    return Census(
        at=ms_of(told["at"]),
        queues=tuple(_queue(each) for each in told["queues"]),
        holds={name: _hold(hold) for name, hold in told["held_connections"].items()},
        heartbeat=_time(told["scheduler"]["last_tick_at"]),
        workers={each["name"]: each["state"] for each in told["workers"]},
        shared={
            connection: {value: ms_of(since) for value, since in values.items()}
            for connection, values in told.get("shared_identifiers", {}).items()
        },
    )


def _queue(told: Mapping[str, Any]) -> QueueCount:
    return QueueCount(
        queue=Queue.parse(told["queue"]),
        name=told["audience"] or "",
        policy=FlushPolicy(told["flush_size"], round(told["flush_minutes"] * 60_000)),
        waiting=_waiting(told),
        accepted=told["accepted"],
        open=told["open"],
        delivered=told["delivered"],
        dead=told["dead"],
        superseded=told["superseded"],
        kept=told["dead_kept"],
        taken=told["taken"],
        upto=told["taken"] + told["asked"],
        evicted=told["evicted"],
        hold=_hold(told["hold"]) if told["hold"] else None,
        list_id=told["list_id"],
        batches=tuple(_read_batch(each) for each in told["batches"]),
        left_out=told["fields_left_out"],
        imported=told.get("imported", 0),
    )


def _waiting(told: Mapping[str, Any]) -> Waiting:
    return Waiting(
        pending=told["pending"],
        oldest=_time(told["oldest_at"]),
        uploaded=_time(told["last_upload_at"]),
        asked=told["asked"],
        asked_by=told["due_by"] if told["asked"] else "operator",
    )


def _read_batch(told: Mapping[str, Any]) -> OpenBatch:
    return OpenBatch(
        id=told["batch"],
        taken=ms_of(told["taken_at"]),
        count=told["changes"],
        reason=told["taken_by"],
        stage=told["stage"],
        attempts=told["attempts"],
        held=told["with_a_worker"],
        ring=ms_of(told["next_ring_at"]),
        trouble=told["trouble"],
    )


def _hold(told: Mapping[str, Any]) -> Hold:
    return Hold(told["reason"], ms_of(told["since"]), told["resolve"], told["error_id"], told["probed"])


def _time(told: str | None) -> int | None:
    return None if told is None else ms_of(told)


def of_upload(settled: Settled) -> dict[str, Any]:
    """What became of its changes, in numbers; changes = delivered + imported + superseded + those in `dead`."""
    return {
        "batch": settled.id,
        "taken_by": settled.reason,
        "taken_at": moment(settled.taken),
        "settled_at": moment(settled.settled),
        "attempts": settled.attempts,
        "changes": settled.count,
        "delivered": settled.delivered,
        "imported": len(settled.ends.imported),
        "superseded": len(settled.ends.superseded),
        "dead": dict(Counter(settled.ends.dead.values())),
        "warnings": dict(Counter(code for codes in settled.ends.warned.values() for code in codes)),
        "jobs": [{"id": job.id, "people": len(job.rows), "failed": job.failed} for job in settled.ends.jobs],
    }
