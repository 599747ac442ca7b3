"""Where a person is now, in words. Pure; nothing in it says who the person is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ops.explain.history import History, KlaviyoStatus, LedgerMembership
from queues import bounds
from queues.dead_letters import DeadLetter
from queues.snapshots.members import PERHAPS
from text.escaping import visible
from text.wording import moment, number, plural, span

_DAYS: Final = bounds.TOLD_MS // 86_400_000


def lines(history: History) -> Iterator[str]:
    """What is under way, and what is kept."""
    for timeline in history.timelines:
        if timeline.waiting:
            yield f"#{timeline.number} waits: {_place(history, timeline.waiting.place)}; {_due(history)}."
        if timeline.open:
            yield f"#{timeline.number} is under way: {_stage(history, timeline.open.batch)}."
        if timeline.letter:
            yield f"#{timeline.number} is dead letter {timeline.letter.id}: {_tried(timeline.letter)}"
        if timeline.state == "gone":
            yield (
                f"#{timeline.number} was a dead letter that is not kept any more: it was purged, overtaken by a later "
                "change, or too old."
            )
    if history.unknown:
        yield from _nothing(history)


def _place(history: History, place: int) -> str:
    return f"{number(place)} of {number(max(place, history.count.waiting.pending))} in the queue"


def _due(history: History) -> str:
    if history.hold:
        return f"nothing is sent, for it is held ({visible(history.hold.reason)}): see `ferry holds`"
    due = history.count.due
    if due is None:  # taken meanwhile
        return "it is being taken"
    when = "now" if due <= history.at else f"in {span(due - history.at)}"
    return f"the queue is due by {history.count.trigger} {when}, by size as soon as {_size(history)} wait"


def _size(history: History) -> str:
    return plural(history.count.policy.size, "change")


def _stage(history: History, name: str) -> str:
    batch = history.batch(name)
    if batch is None:
        return f"batch {name} is being settled"
    tries = f", try {batch.attempts + 1}" if batch.attempts else ""
    worker = "a worker has it" if batch.held else f"a worker is rung in {span(batch.ring - history.at)}"
    return f"batch {name}, stage {batch.stage}{tries}, taken {span(history.at - batch.taken)} ago; {worker}"


def _tried(letter: DeadLetter) -> str:
    tries = f" after {plural(letter.attempts, 'failed try', 'failed tries')}" if letter.attempts else ""
    again = f"`ferry dead replay {letter.id} --queue {letter.queue}` sends it again"
    return f"{visible(letter.reason)}{tries}. `ferry dead show` tells more; {again}."


def _nothing(history: History) -> Iterator[str]:
    count = history.count
    since = "nothing yet" if history.kept_since is None else f"what was settled since {moment(history.kept_since)}"
    yield "Ferry knows nothing of this person here. It looked at:"
    yield f"  what waits: {plural(count.waiting.pending, 'change')}"
    yield f"  what is under way: {plural(count.open, 'change')} in {plural(len(count.batches), 'batch', 'batches')}"
    yield f"  what is dead: {plural(count.kept, 'letter')}"
    yield f"  the history: {since}; it is kept for {_DAYS} days and {number(bounds.TOLD)} changes of a queue"


def ledger(member: LedgerMembership | None) -> str:
    """What the membership ledger says."""
    if member is None:
        return "none is kept, for no snapshot of this audience ever came"
    if member.since == PERHAPS:
        return "perhaps a member: a delivery was given up whose end nobody knows; the next snapshot settles it"
    if member.since is not None:
        return f"a member, {_since(member)}"
    if member.left is not None:
        return f"no member: a single change of {moment(member.left)} took the person off"
    return "no member"


def _since(member: LedgerMembership) -> str:
    if not member.since:
        return "on the list since before the first snapshot"
    return f"since {moment(member.since)}, by {f'snapshot {member.snapshot}' if member.snapshot else 'a single change'}"


def klaviyo(status: KlaviyoStatus | str) -> str:
    """How the person stands in Klaviyo now."""
    if isinstance(status, str):
        return f"not asked. {status}"
    where = "there is no list yet" if status.list_id is None else _on(status.on_list, status.list_id)
    if not status.by:
        return f"{where}; it knows no profile by what was given"
    suppressed = f" ({', '.join(status.suppressed)})" if status.suppressed else ""
    return f"{where}; profile known by {status.by}; e-mail: {status.email}{suppressed}; SMS: {status.sms}"


def _on(on_list: bool | None, list_id: str) -> str:
    if on_list is None:
        return f"whether on list {list_id}, it does not tell of a profile without e-mail and phone"
    return f"{'on' if on_list else 'not on'} list {list_id}"
