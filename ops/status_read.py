"""The census from its JSON (status_json.py), for commands that look at a Ferry elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queues.census import Census
from queues.counts import OpenBatch, QueueCount
from queues.holds import Hold
from queues.names import Queue
from queues.policy import FlushPolicy, Waiting
from wording import ms_of


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
        batches=tuple(_batch(each) for each in told["batches"]),
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


def _batch(told: Mapping[str, Any]) -> OpenBatch:
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
