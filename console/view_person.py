"""One person's story as the page shows it: that of `ferry explain`, with links. Pure; it is shown to admins alone."""

from __future__ import annotations

from dataclasses import dataclass

from console.letter_ref import Ref
from ops import explain_now, explain_words
from ops.explain_view import persons
from ops.story import Story
from wording import called


@dataclass(frozen=True, slots=True)
class Person:
    """`events`: ms, number of the change, words. `now`: what is under way or kept. `letters`: id and path.

    `ledger`, `klaviyo`: empty for what is no audience. `sent`: number of a change, and the person in it.
    """

    who: str
    name: str
    queue: str
    events: list[tuple[int, int, str]]
    now: list[str]
    letters: list[tuple[str, str]]
    ledger: str
    klaviyo: str
    sent: list[tuple[int, str]]


def view(story: Story) -> Person:
    """What to show."""
    of_audience = bool(story.klaviyo)
    found = [episode.letter for episode in story.episodes if episode.letter]
    return Person(
        who=f"{story.sought.given} ({story.sought.short})",
        name=called(story.count),
        queue=str(story.count.queue),
        events=explain_words.events(story),
        now=list(explain_now.lines(story)),
        letters=[(letter.id, f"/dead/{Ref.of(letter)}") for letter in found],
        ledger=explain_now.ledger(story.member) if of_audience else "",
        klaviyo=explain_now.klaviyo(story.klaviyo) if of_audience else "",
        sent=persons(story),
    )
