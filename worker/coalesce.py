"""Combines the changes of one batch into one intent for each person. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from identity.holding import Before, ChangeIdentity
from identity.persons import PersonGroup, groups


@dataclass(slots=True)
class Intent:
    """The work to be done for one person.

    `indexes`: the person's changes in the batch, oldest first by (CDP timestamp, arrival); the last one identifies the
    person. `membership`: the resulting membership, None when no change concerns it. `written`: the changes whose
    attributes are uploaded, none when the person only leaves. `final`: once it is delivered, no older dead letter of
    the person may be replayed. `leaves`: changes of other people that take this person off the list; `moved_to`: the
    ones among them by which an id's newer e-mail joins. `ambiguous`: several people could be meant.
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
        """Return the change that identifies the person."""
        return self.indexes[-1]


def coalesce(
    said: Sequence[ChangeIdentity],
    before: Before | None = None,
    strangers: Collection[int] = (),
) -> list[Intent]:
    """Return one intent per person, in the order in which the persons first appear. See `identity.persons.groups`.

    The newest add or remove that is not late decides membership. The attributes of all changes since the last removal
    are written, in order. A removal drops the attributes before it, so that no profile is created only to be removed.
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
