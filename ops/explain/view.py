"""The story of one person as people read it. Pure.

Without `personal` nothing in it says who the person is: neither the address nor the attributes, nor what Klaviyo said,
which may quote them.
"""

from __future__ import annotations

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from ops.explain import now, words
from ops.explain.history import Story
from ops.output import table
from queues.counts import called
from text.wording import moment


def view(story: Story, personal: bool) -> RenderableType:
    """What happened, what is under way, and where the person is now."""
    made = table("When", "#", "What", right=("#",))
    for at, change, text in words.events(story):
        made.add_row(moment(at), str(change), text)
    parts: list[RenderableType] = [Text(_head(story, personal), style="bold"), Text()]
    parts += [made, Text()] if story.episodes else []
    parts += [Text(line) for line in now.lines(story)]
    if story.klaviyo:
        parts += [
            Text(f"Membership ledger: {now.ledger(story.member)}."),
            Text(f"Klaviyo: {now.klaviyo(story.klaviyo)}."),
        ]
    if personal:
        parts += [Text(f"#{number}: {told}") for number, told in persons(story)]
    return Group(*parts)


def _head(story: Story, personal: bool) -> str:
    who = f"{story.sought.given} ({story.sought.short})" if personal else f"Person {story.sought.short}"
    return f"{who} in {called(story.count)} ({story.count.queue})"


def persons(story: Story) -> list[tuple[int, str]]:
    """The person as the CDP sent them, and what was said of a fault, where it is kept."""
    told = []
    for episode in story.episodes:
        if change := episode.change:
            told.append((episode.number, bytes(change.body.person).decode(errors="replace")))
        if episode.letter:
            told.append((episode.number, msgspec.json.encode(episode.letter.detail).decode()))
    return told
