"""A sequence of messages about people who hand on values, and what must be at Klaviyo in the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from queues import dead_letters
from queues.clock import now_ms
from tests.support.identity_messages import Posted, entered, iso
from tests.support.identity_world import IdentityWorld

Step = Posted | Callable[[IdentityWorld], None]


@dataclass(frozen=True)
class Handover:
    """`steps`: messages in their order, and acts of an operator.

    `alone`: each is delivered before the next one comes; otherwise those between two acts may also be delivered
    together. `members`, `second`: who is on the two lists in the end. `plan`: who has the attribute `plan`. `reasons`:
    of the dead letters.
    """

    steps: Sequence[Step]
    members: set[str]
    second: set[str] = field(default_factory=set)
    plan: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    alone: bool = False


def hour(number: float, posted: Posted) -> Posted:
    """The same message at that hour of the last day; 48 is in the future."""
    at = now_ms() - int((24 - number) * 3_600_000)
    return replace(posted, at=iso(at) if "segment" in posted.path else at)


def replay(who: IdentityWorld) -> None:
    """All dead letters are replayed, and delivered."""
    for letter in who.letters():
        dead_letters.replay(who.redis, letter.queue, [letter.id], now_ms())
    who.settle()


def leaves(user: str, **more: Any) -> Posted:
    """A user of Segment leaves, and no e-mail is named."""
    return entered(user, "", exited=True, traits={}, **more)
