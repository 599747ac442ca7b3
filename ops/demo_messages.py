"""What the demo posts: mParticle's messages about people who do not exist. Pure."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

#: Name -> mParticle's id of the audience, and how many people join it: 250 changes, 100 + 30 and 100 + 20.
AUDIENCES = {"VIP customers": (101, 130), "Lapsed customers": (102, 120)}
#: Of the first audience so many leave it later: half of them uploaded by then, half still waiting.
LEAVERS = range(95, 105)
_PER_MESSAGE = 13

Message = dict[str, Any]


def joining() -> list[Message]:
    """Messages of 13 people each, most of whom join both audiences."""
    people = range(max(number for _, number in AUDIENCES.values()))
    return [
        _message(_profile(i, {name: "add" for name, (_, number) in AUDIENCES.items() if i < number}) for i in part)
        for part in _parts(people)
    ]


def leaving() -> Message:
    """Some leave the first audience, and somebody without an e-mail address joins it."""
    first = next(iter(AUDIENCES))
    nameless = _profile(999, {first: "add"})
    nameless["user_identities"] = [{"type": "customer", "encoding": "raw", "value": "c-999"}]
    return _message([*(_profile(i, {first: "delete"}) for i in LEAVERS), nameless])


def expected(name: str) -> set[str]:
    """Who must be on the list of an audience in the end."""
    first = next(iter(AUDIENCES))
    gone = {_email(i) for i in LEAVERS} if name == first else set()
    return {_email(i) for i in range(AUDIENCES[name][1])} - gone


def _parts(people: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(people), _PER_MESSAGE):
        yield people[start : start + _PER_MESSAGE]


def _message(profiles: Iterator[Message] | Sequence[Message]) -> Message:
    return {
        "type": "audience_membership_change_request",
        "id": str(uuid.uuid4()),
        "timestamp_ms": int(time.time() * 1000),
        "firehose_version": "3.2.0",
        "account": {"account_id": 1001, "account_settings": {}},
        "user_profiles": list(profiles),
    }


def _profile(i: int, actions: Mapping[str, str]) -> Message:
    return {
        "mpid": str(5_000_000_000 + i),
        "user_identities": [{"type": "email", "encoding": "raw", "value": _email(i)}],
        "audiences": [_membership(name, action, i) for name, action in actions.items()],
    }


def _membership(name: str, action: str, i: int) -> Message:
    membership: Message = {"audience_id": AUDIENCES[name][0], "audience_name": name, "action": action}
    if action == "add":
        membership["user_attributes"] = [
            {"key": "$firstname", "value": f"Person {i}", "action": "upsert"},
            {"key": "plan", "value": "gold" if i % 2 else "silver", "action": "upsert"},
        ]
    return membership


def _email(i: int) -> str:
    return f"person{i}@example.com"
