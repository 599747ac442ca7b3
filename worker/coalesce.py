"""Coalescing: what the changes of one batch come to for each person. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from identity.holding import Before, ChangeIdentity
from identity.persons import PersonGroup, groups


@dataclass(slots=True)
class Intent:
    """What is to be done for one person.

    `indexes`: the person's changes in the batch, oldest first by (CDP timestamp, arrival); the last one stands for
    the person. `membership`: where they end, None when no change says. `written`: the changes whose attributes are
    uploaded, none when the person only leaves. `final`: once it is delivered, no older dead letter of the person may be
    replayed. `leaves`: changes of others that take the person off; `moved_to`: those of them by which an id's newer
    e-mail joins. `ambiguous`: nobody can tell which of several people is meant.
    """

    indexes: list[int] = field(default_factory=list)
    membership: Literal["add", "remove"] | None = None
    written: list[int] = field(default_factory=list)
    final: bool = False
    leaves: tuple[int, ...] = ()
    moved_to: tuple[int, ...] = ()
    ambiguous: bool = False

    @property
    def last(self) -> int:
        """The change that stands for the person."""
        return self.indexes[-1]


def coalesce(
    said: Sequence[ChangeIdentity],
    before: Before | None = None,
    strangers: Collection[int] = (),
) -> list[Intent]:
    """One intent per person, in the order in which the persons first appear. See `identity.persons.groups`.

    The newest add or remove decides membership, but for one that is late; attributes of all changes since the last
    removal are written, in order. A removal forgets the attributes before it: nobody is created in Klaviyo only to be
    removed.
    """
    return [_intent(said, group) for group in groups(said, before, strangers)]


def _intent(said: Sequence[ChangeIdentity], group: PersonGroup) -> Intent:
    intent = Intent(
        group.indexes, leaves=tuple(group.leaves), moved_to=tuple(group.moved_to), ambiguous=group.ambiguous
    )
    for i in sorted((*group.indexes, *group.leaves), key=lambda i: (said[i].at, i)):
        each = said[i]
        if i in group.leaves or (each.action == "remove" and not each.late):
            intent.membership, intent.written = "remove", []
        elif each.action != "remove":
            if each.action == "add" and not each.late:
                intent.membership = "add"
            intent.written.append(i)
    intent.final = intent.membership is not None
    return intent
