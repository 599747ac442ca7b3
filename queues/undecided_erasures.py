"""Erasures that need a look: dead letters that wait for a person to decide who the found profiles belong to.

They stay until a decision is made, because the law requires an answer to the request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from redis import Redis

from queues import dead_letters
from queues.change import Change, encode
from queues.dead_letters import DeadLetter
from queues.names import Queue

#: The kind of the queue of erasures.
KIND: Final = "erasure"
REASON: Final = "erasure_needs_a_look"
#: ms within which a request must be answered: a month (GDPR, article 12.3), counted as 30 days.
ANSWER_MS: Final = 30 * 86_400_000
#: The field of a change's fragment that holds what was confirmed.
_CONFIRMED: Final = "confirmed"


class Confirmed(msgspec.Struct, frozen=True):
    """The data confirmed to be the person's: `profiles` (Klaviyo's ids) and `people` (hashes, identities.py)."""

    profiles: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()


class _Fragment(msgspec.Struct):
    confirmed: Confirmed = Confirmed()


@dataclass(frozen=True, slots=True)
class UndecidedErasures:
    """The number of `letters` of a queue that need a look, and the ms at which the oldest request was accepted."""

    letters: int
    oldest: int


_fragment = msgspec.json.Decoder(_Fragment)


def due_by(change: Change) -> int:
    """Return the ms by which the request must be answered."""
    return change.accepted_at + ANSWER_MS


def detail(why: str, profiles: Mapping[str, str], people: Sequence[str]) -> dict[str, Any]:
    """Return the detail of such a letter. `profiles`: how each was found. `people`: hashes of possible people."""
    return {"detail": why, "profiles": dict(profiles), "people": sorted(people)}


def profiles(letter: DeadLetter) -> dict[str, str]:
    """Return the profiles in such a letter, and how each was found."""
    return dict(letter.detail.get("profiles") or {})


def confirmed(change: Change) -> Confirmed:
    """Return what was confirmed for an erasure; empty if no confirmation was needed."""
    return _fragment.decode(change.body.person).confirmed


def confirming(letter: DeadLetter) -> bytes:
    """Return the change of such a letter, with everything in the letter confirmed to be the person's."""
    change, before = letter.change, confirmed(letter.change)
    now = Confirmed(
        before.profiles | profiles(letter).keys(), before.people | frozenset(letter.detail.get("people") or ())
    )
    fragment = {**msgspec.json.decode(change.body.person), _CONFIRMED: now}
    body = msgspec.structs.replace(change.body, person=msgspec.Raw(msgspec.json.encode(fragment)))
    return encode(change.keys, change.accepted_at, body)


def waiting(redis: Redis, queues: Sequence[Queue]) -> dict[Queue, UndecidedErasures]:
    """Return the queues in which erasures need a look. Raises redis.RedisError."""
    found = {}
    for queue in queues:
        accepted = [each.change.accepted_at for each in dead_letters.read(redis, queue) if each.reason == REASON]
        if accepted:
            found[queue] = UndecidedErasures(len(accepted), min(accepted))
    return found
