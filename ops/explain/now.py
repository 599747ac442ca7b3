"""Where a person is now, in words. Pure; nothing in it says who the person is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ops.explain.history import Membership, Standing, Story
from queues import bounds
from queues.dead_letters import DeadLetter
from queues.snapshots.members import PERHAPS
from text.escaping import visible
from text.wording import moment, number, plural, span

_DAYS: Final = bounds.TOLD_MS // 86_400_000


def lines(story: Story) -> Iterator[str]:
    """What is under way, and what is kept."""
    for episode in story.episodes:
        if episode.waiting:
            yield f"#{episode.number} waits: {_place(story, episode.waiting.place)}; {_due(story)}."
        if episode.open:
            yield f"#{episode.number} is under way: {_stage(story, episode.open.batch)}."
        if episode.letter:
            yield f"#{episode.number} is dead letter {episode.letter.id}: {_tried(episode.letter)}"
        if episode.state == "gone":
            yield (
                f"#{episode.number} was a dead letter that is not kept any more: it was purged, overtaken by a later "
                "change, or too old."
            )
    if story.unknown:
        yield from _nothing(story)


def _place(story: Story, place: int) -> str:
    return f"{number(place)} of {number(max(place, story.count.waiting.pending))} in the queue"


def _due(story: Story) -> str:
    if story.hold:
        return f"nothing is sent, for it is held ({visible(story.hold.reason)}): see `ferry holds`"
    due = story.count.due
    if due is None:  # taken meanwhile
        return "it is being taken"
    when = "now" if due <= story.at else f"in {span(due - story.at)}"
    return f"the queue is due by {story.count.trigger} {when}, by size as soon as {_size(story)} wait"


def _size(story: Story) -> str:
    return plural(story.count.policy.size, "change")


def _stage(story: Story, name: str) -> str:
    batch = story.batch(name)
    if batch is None:
        return f"batch {name} is being settled"
    tries = f", try {batch.attempts + 1}" if batch.attempts else ""
    worker = "a worker has it" if batch.held else f"a worker is rung in {span(batch.ring - story.at)}"
    return f"batch {name}, stage {batch.stage}{tries}, taken {span(story.at - batch.taken)} ago; {worker}"


def _tried(letter: DeadLetter) -> str:
    tries = f" after {plural(letter.attempts, 'failed try', 'failed tries')}" if letter.attempts else ""
    again = f"`ferry dead replay {letter.id} --queue {letter.queue}` sends it again"
    return f"{visible(letter.reason)}{tries}. `ferry dead show` tells more; {again}."


def _nothing(story: Story) -> Iterator[str]:
    count = story.count
    since = "nothing yet" if story.kept_since is None else f"what was settled since {moment(story.kept_since)}"
    yield "Ferry knows nothing of this person here. It looked at:"
    yield f"  what waits: {plural(count.waiting.pending, 'change')}"
    yield f"  what is under way: {plural(count.open, 'change')} in {plural(len(count.batches), 'batch', 'batches')}"
    yield f"  what is dead: {plural(count.kept, 'letter')}"
    yield f"  the history: {since}; it is kept for {_DAYS} days and {number(bounds.TOLD)} changes of a queue"


def ledger(member: Membership | None) -> str:
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


def _since(member: Membership) -> str:
    if not member.since:
        return "on the list since before the first snapshot"
    return f"since {moment(member.since)}, by {f'snapshot {member.snapshot}' if member.snapshot else 'a single change'}"


def klaviyo(standing: Standing | str) -> str:
    """How the person stands in Klaviyo now."""
    if isinstance(standing, str):
        return f"not asked. {standing}"
    where = "there is no list yet" if standing.list_id is None else _on(standing.on_list, standing.list_id)
    if not standing.by:
        return f"{where}; it knows no profile by what was given"
    suppressed = f" ({', '.join(standing.suppressed)})" if standing.suppressed else ""
    return f"{where}; profile known by {standing.by}; e-mail: {standing.email}{suppressed}; SMS: {standing.sms}"


def _on(on_list: bool | None, list_id: str) -> str:
    if on_list is None:
        return f"whether on list {list_id}, it does not tell of a profile without e-mail and phone"
    return f"{'on' if on_list else 'not on'} list {list_id}"
