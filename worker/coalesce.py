"""Coalescing: what the changes of one batch come to for each person. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from queues.change import Change


@dataclass(slots=True)
class Intent:
    """What is to be done for one person.

    `indexes`: the person's changes in the batch, oldest first by (CDP timestamp, arrival); the last one stands for
    the person. `membership`: where they end, None when no change says. `written`: the changes whose attributes are
    uploaded, none when the person only leaves. `final`: once it is delivered, no older dead letter of the person may be
    replayed.
    """

    indexes: list[int] = field(default_factory=list)
    membership: Literal["add", "remove"] | None = None
    written: list[int] = field(default_factory=list)
    final: bool = False

    @property
    def last(self) -> int:
        """The change that stands for the person."""
        return self.indexes[-1]


def coalesce(changes: Sequence[Change]) -> list[Intent]:
    """One intent per person, in the order in which the persons first appear.

    The newest add or remove decides membership; attributes of all changes since the last removal are written, in
    order. A removal forgets the attributes before it: nobody is created in Klaviyo only to be removed.
    """
    return [_intent(changes, indexes) for indexes in _persons(changes)]


def _intent(changes: Sequence[Change], indexes: list[int]) -> Intent:
    intent = Intent(sorted(indexes, key=lambda i: (changes[i].body.at, i)))
    for i in intent.indexes:
        action = changes[i].body.action
        if action == "remove":
            intent.membership, intent.written = "remove", []
        else:
            intent.membership = "add" if action == "add" else intent.membership
            intent.written.append(i)
    intent.final = intent.membership is not None
    return intent


def _persons(changes: Sequence[Change]) -> list[list[int]]:
    """Group changes that share a person key, directly or through others."""
    parents = list(range(len(changes)))

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        return i

    first_with: dict[str, int] = {}
    for i, change in enumerate(changes):
        for key in change.keys:
            a, b = root(i), root(first_with.setdefault(key, i))
            parents[max(a, b)] = min(a, b)
    groups: dict[int, list[int]] = {}
    for i in range(len(changes)):
        groups.setdefault(root(i), []).append(i)
    return list(groups.values())
