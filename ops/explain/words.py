"""What happened to a person, in words. Pure; nothing in it says who the person is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ops.explain.history import Story
from ops.explain.timeline import Episode
from queues.counts import OpenBatch
from queues.history.outcomes import Told
from queues.history.settled import Settled
from text.escaping import visible
from text.wording import moment, number, plural

#: Why a batch was taken (queues/policy.py).
_BECAUSE: Final = {
    "size": "because enough waited (size)",
    "age": "because something had waited long enough (age)",
    "operator": "because an operator asked (operator)",
}


def events(story: Story) -> list[tuple[int, int, str]]:
    """What happened, in the order in which it did: ms, the number of the change, the words."""
    found = [(at, each.number, words) for each in story.episodes for at, words in _events(each, story)]
    return sorted(found, key=lambda event: event[0])


def _events(episode: Episode, story: Story) -> Iterator[tuple[int, str]]:
    yield from happened(episode, story.episodes)
    if episode.open and (opened := story.batch(episode.open.batch)):
        yield opened.taken, _taken(opened)


def happened(episode: Episode, known: Sequence[Episode]) -> Iterator[tuple[int, str]]:
    """What is over of a change: ms and the words. `known`: with those that may have overtaken it."""
    yield episode.accepted_at, f"accepted: {accepted(episode)}"
    for told in episode.told:
        yield told.batch.taken, _taken(told.batch)
        yield told.batch.settled, outcome(told, episode, known)
    if episode.letter and not episode.told:
        yield episode.letter.at, f"became a dead letter: {visible(episode.letter.reason)}"


def _taken(batch: Settled | OpenBatch) -> str:
    return f"taken with {plural(batch.count - 1, 'other')} into batch {batch.id}, {_because(batch.reason)}"


def accepted(episode: Episode) -> str:
    """What was to be done, who said so and when."""
    if episode.source == "snapshot":
        return f"{episode.action}, by snapshot {visible(episode.message)} of {moment(episode.at)}"
    message = f"message {visible(episode.message)}" if episode.message else "a message without an id"
    return f"{episode.action}, in {message} of source {episode.source}, said at {moment(episode.at)}"


def outcome(told: Told, episode: Episode, known: Sequence[Episode]) -> str:
    """How a change ended in one batch."""
    if told.outcome == "dead":
        return f"became a dead letter: {visible(told.reason)}{_import(told)}"
    if told.outcome == "superseded":
        return f"superseded {_by(told, known)}"
    if told.outcome == "imported":
        return f"imported by Klaviyo; nobody looked whether the person is on the list{_import(told)}{_warned(told)}"
    return f"delivered{'' if told.row else _without_import(told, episode)}{_import(told)}{_warned(told)}"


def _without_import(told: Told, episode: Episode) -> str:
    if episode.action != "remove":
        return ""
    return ": the person was not on the list" if "not_on_list" in told.warnings else ": taken off the list"


def _warned(told: Told) -> str:
    codes = [code for code in told.warnings if code != "not_on_list"]
    return f"; warnings: {', '.join(codes)}" if codes else ""


def _by(told: Told, known: Sequence[Episode]) -> str:
    for each in known:
        if any(other.batch.id == told.batch.id and other.index == told.by for other in each.told):
            return f"by #{each.number}, which says what the person is to be after this batch"
    return "by a change of this batch or an earlier one that is newer, by the CDP's time, or by an erasure"


def _import(told: Told) -> str:
    if told.job is None:
        return ""
    failed = f", of which {number(told.job.failed)} failed" if told.job.failed else ""
    return f", row {told.row} of {plural(len(told.job.rows), 'row')}{failed} in import job {told.job.id}"


def _because(reason: str) -> str:
    return _BECAUSE.get(reason, f"by {reason}")
