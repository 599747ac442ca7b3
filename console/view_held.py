"""A hold as a page shows it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ops import status_words as words
from queues.holds import Hold
from wording import span, without_people


@dataclass(frozen=True, slots=True)
class Held:
    """`on`: the queue or connection, as `ferry release` takes it. `reason`: a code of Ferry's, or what a person wrote.

    `since`: ms; `lasts`: in words. `what_to_do`: what ends it.
    """

    on: str
    reason: str
    since: int
    lasts: str
    what_to_do: str


def held(on: str, hold: Hold, now: int) -> Held:
    """What to show of a hold. `now`: ms."""
    return Held(on, without_people(hold.reason), hold.since, span(now - hold.since), words.what_to_do(hold))
