"""The events of a person, in words. Pure; they contain no personal data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ops.explain.history import History
from ops.explain.timeline import ChangeTimeline
from queues.counts import OpenBatch
from queues.history.outcomes import ChangeOutcome
from queues.history.settled import Settled
from text.escaping import visible
from text.wording import moment, number, plural

#: Why a batch was taken (queues/policy.py).
_BECAUSE: Final = {
    "size": "because enough changes were pending (size)",
    "age": "because the oldest was pending long enough (age)",
    "operator": "because an operator flushed the queue (operator)",
}


def events(history: History) -> list[tuple[int, int, str]]:
    """Return the events by time: ms, the number of the change, the words."""
    found = [(at, each.number, words) for each in history.timelines for at, words in _events(each, history)]
    return sorted(found, key=lambda event: event[0])


def _events(timeline: ChangeTimeline, history: History) -> Iterator[tuple[int, str]]:
    yield from happened(timeline, history.timelines)
    if timeline.open and (opened := history.batch(timeline.open.batch)):
        yield opened.taken, _taken(opened)


def happened(timeline: ChangeTimeline, known: Sequence[ChangeTimeline]) -> Iterator[tuple[int, str]]:
    """Yield the past events of a change: ms and the words. `known`: includes those that may have superseded it."""
    yield timeline.accepted_at, f"accepted: {accepted(timeline)}"
    for ended in timeline.outcomes:
        yield ended.batch.taken, _taken(ended.batch)
        yield ended.batch.settled, outcome(ended, timeline, known)
    if timeline.letter and not timeline.outcomes:
        yield timeline.letter.at, f"became a dead letter: {visible(timeline.letter.reason)}"


def _taken(batch: Settled | OpenBatch) -> str:
    return f"taken with {plural(batch.count - 1, 'other')} into batch {batch.id}, {_because(batch.reason)}"


def accepted(timeline: ChangeTimeline) -> str:
    """Return the action of a change, its source and its time, in words."""
    if timeline.source == "snapshot":
        return f"{timeline.action}, by snapshot {visible(timeline.message)} of {moment(timeline.at)}"
    message = f"message {visible(timeline.message)}" if timeline.message else "a message without an id"
    return f"{timeline.action}, in {message} from source {timeline.source}, changed at {moment(timeline.at)}"


def outcome(ended: ChangeOutcome, timeline: ChangeTimeline, known: Sequence[ChangeTimeline]) -> str:
    """Return the outcome of a change in one batch, in words."""
    if ended.outcome == "dead":
        return f"became a dead letter: {visible(ended.reason)}{_import(ended)}"
    if ended.outcome == "superseded":
        return f"superseded {_by(ended, known)}"
    if ended.outcome == "imported":
        return f"imported by Klaviyo, without a check that the person is on the list{_import(ended)}{_warned(ended)}"
    return f"delivered{'' if ended.row else _without_import(ended, timeline)}{_import(ended)}{_warned(ended)}"


def _without_import(ended: ChangeOutcome, timeline: ChangeTimeline) -> str:
    if timeline.action != "remove":
        return ""
    return ": the person was not on the list" if "not_on_list" in ended.warnings else ": removed from the list"


def _warned(ended: ChangeOutcome) -> str:
    codes = [code for code in ended.warnings if code != "not_on_list"]
    return f"; warnings: {', '.join(codes)}" if codes else ""


def _by(ended: ChangeOutcome, known: Sequence[ChangeTimeline]) -> str:
    for each in known:
        if any(other.batch.id == ended.batch.id and other.index == ended.by for other in each.outcomes):
            return f"by #{each.number}, which decides the person's state after this batch"
    return "by an erasure, or by a change of this or an earlier batch that is newer by the CDP's time"


def _import(ended: ChangeOutcome) -> str:
    if ended.job is None:
        return ""
    failed = f", of which {number(ended.job.failed)} failed" if ended.job.failed else ""
    return f", row {ended.row} of {plural(len(ended.job.rows), 'row')}{failed} in import job {ended.job.id}"


def _because(reason: str) -> str:
    return _BECAUSE.get(reason, f"by {reason}")
