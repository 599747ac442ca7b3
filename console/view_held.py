"""A hold as a page shows it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ops import status_words as words
from ops.wording import span
from queues.holds import Hold

#: An address, or so many digits that they may be a phone number.
_PERSONAL: Final = re.compile(r"\S*@\S+|\+?\d(?:[\s().-]*\d){6,}")


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


def without_people(text: str) -> str:
    """What a person wrote, without the addresses and phone numbers in it: the page is shown to every role."""
    return _PERSONAL.sub("***", text)
