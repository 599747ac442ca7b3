"""The current state of a person, in words. Pure; it contains no personal data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ops import status_words
from ops.explain.history import History, KlaviyoStatus, LedgerMembership
from queues import bounds
from queues.dead_letters import DeadLetter
from queues.snapshots.members import PERHAPS
from text.escaping import visible
from text.wording import duration, moment, number, plural, until

_DAYS: Final = bounds.TOLD_MS // 86_400_000


def lines(history: History) -> Iterator[str]:
    """Yield the state of pending, open and dead changes."""
    for timeline in history.timelines:
        if timeline.waiting:
            yield f"#{timeline.number} is pending: {_place(history, timeline.waiting.place)}; {_due(history)}."
        if timeline.open:
            yield f"#{timeline.number} is in progress: {_stage(history, timeline.open.batch)}."
        if timeline.letter:
            yield f"#{timeline.number} is dead letter {timeline.letter.id}: {_tried(timeline.letter)}"
        if timeline.state == "gone":
            yield (
                f"#{timeline.number} was a dead letter that no longer exists: it was purged, superseded by a newer "
                "change, or too old."
            )
    if history.unknown:
        yield from _nothing(history)


def _place(history: History, place: int) -> str:
    return f"{number(place)} of {number(max(place, history.count.waiting.pending))} in the queue"


def _due(history: History) -> str:
    if history.hold:
        return f"nothing is sent, because it is held ({status_words.reason_of(history.hold)}): see `ferry holds`"
    due = history.count.due
    if due is None:  # taken in the meantime
        return "it is being taken into a batch"
    return f"the queue is due by {history.count.trigger} {until(due, history.at)}, or by size at {_size(history)}"


def _size(history: History) -> str:
    return plural(history.count.policy.size, "change")


def _stage(history: History, name: str) -> str:
    batch = history.batch(name)
    if batch is None:
        return f"batch {name} is being settled"
    tries = f", attempt {batch.attempts + 1}" if batch.attempts else ""
    worker = "a worker has it" if batch.held else f"a worker takes it up {until(batch.ring, history.at)}"
    return f"batch {name}, stage {batch.stage}{tries}, taken {duration(history.at - batch.taken)} ago; {worker}"


def _tried(letter: DeadLetter) -> str:
    tries = f" after {plural(letter.attempts, 'failed attempt')}" if letter.attempts else ""
    again = f"`ferry dead replay {letter.id} --queue {letter.queue}` sends it again"
    return f"{visible(letter.reason)}{tries}. `ferry dead show` shows more; {again}."


def _nothing(history: History) -> Iterator[str]:
    count = history.count
    since = "nothing yet" if history.kept_since is None else f"changes settled since {moment(history.kept_since)}"
    yield "Ferry has no record of this person here. It searched:"
    yield f"  pending: {plural(count.waiting.pending, 'change')}"
    yield f"  in progress: {plural(count.open, 'change')} in {plural(len(count.batches), 'batch', 'batches')}"
    yield f"  dead letters: {plural(count.kept, 'letter')}"
    yield f"  history: {since}; it is kept for {_DAYS} days, up to {number(bounds.TOLD)} changes per queue"


def ledger(member: LedgerMembership | None) -> str:
    """Return the person's entry in the membership ledger, in words."""
    if member is None:
        return "none, because this audience has had no snapshot"
    if member.since == PERHAPS:
        return "perhaps a member: a delivery was given up and its result is unknown; the next snapshot settles it"
    if member.since is not None:
        return f"a member, {_since(member)}"
    if member.left is not None:
        return f"not a member: a single change of {moment(member.left)} removed the person"
    return "not a member"


def _since(member: LedgerMembership) -> str:
    if not member.since:
        return "on the list since before the first snapshot"
    return f"since {moment(member.since)}, by {f'snapshot {member.snapshot}' if member.snapshot else 'a single change'}"


def klaviyo(status: KlaviyoStatus | str) -> str:
    """Return the person's status in Klaviyo, in words."""
    if isinstance(status, str):
        return f"not asked. {status}"
    where = "there is no list yet" if status.list_id is None else _on(status.on_list, status.list_id)
    if not status.by:
        return f"{where}; no profile found for this identifier"
    suppressed = f" ({', '.join(status.suppressed)})" if status.suppressed else ""
    return f"{where}; profile found by {status.by}; e-mail: {status.email}{suppressed}; SMS: {status.sms}"


def _on(on_list: bool | None, list_id: str) -> str:
    if on_list is None:
        return f"unknown whether on list {list_id}, because the profile has neither e-mail nor phone"
    return f"{'on' if on_list else 'not on'} list {list_id}"
