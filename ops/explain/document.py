"""The history of one person as JSON, for programs. Pure.

Names are stable; times are ISO 8601 in UTC.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec

from ops.dead_letters.view import summary, whole
from ops.explain.history import History, KlaviyoStatus
from ops.explain.timeline import ChangeTimeline
from queues.counts import OpenBatch
from queues.history.outcomes import ChangeOutcome
from queues.snapshots.members import PERHAPS
from text.wording import moment, without_people


def document(history: History, personal: bool) -> dict[str, Any]:
    """Return the whole history; with `personal`, personal data too."""
    count = history.count
    return {
        "person": history.query.given if personal else history.query.short,
        "queue": str(count.queue),
        "audience": count.name or None,
        "known": not history.unknown,
        "history_since": moment(history.kept_since),
        "changes": [_timeline(timeline, history, personal) for timeline in history.timelines],
        "ledger": _ledger(history),
        "klaviyo": _klaviyo(history.klaviyo),
    }


def _timeline(timeline: ChangeTimeline, history: History, personal: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "number": timeline.number,
        "state": timeline.state,
        "action": timeline.action,
        "source": timeline.source,
        "message": timeline.message,
        "accepted_at": moment(timeline.accepted_at),
        "changed_at": moment(timeline.at),
        "batches": [_outcome(ended, history) for ended in timeline.outcomes],
    }
    if timeline.waiting:
        due = {"due_by": history.count.trigger, "due_at": moment(history.count.due)}
        held = without_people(history.hold.reason) if history.hold else None
        found["waiting"] = {"place": timeline.waiting.place, "of": history.count.waiting.pending, **due, "held": held}
    if timeline.open:
        found["open"] = {"batch": timeline.open.batch, **_open(history.batch(timeline.open.batch))}
    if timeline.letter:
        found["letter"] = (whole if personal else summary)(timeline.letter, history.count.name)
    if personal and (change := timeline.change):
        found["person"] = msgspec.json.decode(change.body.person)
    return found


def _outcome(ended: ChangeOutcome, history: History) -> dict[str, Any]:
    by = (
        each.number
        for each in history.timelines
        for t in each.outcomes
        if (t.batch.id, t.index) == (ended.batch.id, ended.by)
    )
    return {
        "batch": ended.batch.id,
        "changes": ended.batch.count,
        "taken_by": ended.batch.reason,
        "taken_at": moment(ended.batch.taken),
        "settled_at": moment(ended.batch.settled),
        "failed_tries": ended.batch.attempts,
        "outcome": ended.outcome,
        "reason": ended.reason or None,
        "warnings": list(ended.warnings),
        "superseded_by": next(by, None),
        "import_job": ended.job.id if ended.job else None,
        "row": ended.row,
        "rows": len(ended.job.rows) if ended.job else None,
        "rows_failed": ended.job.failed if ended.job else None,
    }


def _open(batch: OpenBatch | None) -> dict[str, Any]:
    if batch is None:
        return {}
    return {
        "stage": batch.stage,
        "taken_by": batch.reason,
        "taken_at": moment(batch.taken),
        "failed_tries": batch.attempts,
        "with_a_worker": batch.held,
    }


def _ledger(history: History) -> dict[str, Any] | None:
    member = history.member
    if member is None:
        return None
    return {
        "member": None if member.since == PERHAPS else member.since is not None,
        "since": None if member.since == PERHAPS else moment(member.since),
        "snapshot": member.snapshot or None,
        "left_at": moment(member.left),
    }


def _klaviyo(status: KlaviyoStatus | str) -> dict[str, Any] | None:
    if isinstance(status, str):
        return {"not_asked": status} if status else None
    return {**asdict(status), "suppressed": list(status.suppressed)}
