"""The story of one person as JSON, for programs: stable names, times in ISO 8601 and UTC. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec

from ops.dead_letters.view import summary, whole
from ops.explain.history import Standing, Story
from ops.explain.timeline import Episode
from queues.counts import OpenBatch
from queues.history.outcomes import Told
from queues.snapshots.members import PERHAPS
from text.wording import moment


def document(story: Story, personal: bool) -> dict[str, Any]:
    """All of it; with `personal` also who the person is, and what may say so."""
    count = story.count
    return {
        "person": story.sought.given if personal else story.sought.short,
        "queue": str(count.queue),
        "audience": count.name or None,
        "known": not story.unknown,
        "history_since": moment(story.kept_since),
        "changes": [_episode(episode, story, personal) for episode in story.episodes],
        "ledger": _ledger(story),
        "klaviyo": _klaviyo(story.klaviyo),
    }


def _episode(episode: Episode, story: Story, personal: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "number": episode.number,
        "state": episode.state,
        "action": episode.action,
        "source": episode.source,
        "message": episode.message,
        "accepted_at": moment(episode.accepted_at),
        "changed_at": moment(episode.at),
        "batches": [_told(told, story) for told in episode.told],
    }
    if episode.waiting:
        due = {"due_by": story.count.trigger, "due_at": moment(story.count.due)}
        held = story.hold.reason if story.hold else None
        found["waiting"] = {"place": episode.waiting.place, "of": story.count.waiting.pending, **due, "held": held}
    if episode.open:
        found["open"] = {"batch": episode.open.batch, **_open(story.batch(episode.open.batch))}
    if episode.letter:
        found["letter"] = (whole if personal else summary)(episode.letter, story.count.name)
    if personal and (change := episode.change):
        found["person"] = msgspec.json.decode(change.body.person)
    return found


def _told(told: Told, story: Story) -> dict[str, Any]:
    by = (
        each.number for each in story.episodes for t in each.told if (t.batch.id, t.index) == (told.batch.id, told.by)
    )
    return {
        "batch": told.batch.id,
        "changes": told.batch.count,
        "taken_by": told.batch.reason,
        "taken_at": moment(told.batch.taken),
        "settled_at": moment(told.batch.settled),
        "failed_tries": told.batch.attempts,
        "outcome": told.outcome,
        "reason": told.reason or None,
        "warnings": list(told.warnings),
        "superseded_by": next(by, None),
        "import_job": told.job.id if told.job else None,
        "row": told.row,
        "rows": len(told.job.rows) if told.job else None,
        "rows_failed": told.job.failed if told.job else None,
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


def _ledger(story: Story) -> dict[str, Any] | None:
    member = story.member
    if member is None:
        return None
    return {
        "member": None if member.since == PERHAPS else member.since is not None,
        "since": None if member.since == PERHAPS else moment(member.since),
        "snapshot": member.snapshot or None,
        "left_at": moment(member.left),
    }


def _klaviyo(standing: Standing | str) -> dict[str, Any] | None:
    if isinstance(standing, str):
        return {"not_asked": standing} if standing else None
    return {**asdict(standing), "suppressed": list(standing.suppressed)}
