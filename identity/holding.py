"""Who has an identifier at the time of a change, when it moves between people in a batch (rule 1 of `identity`). Pure.

Some ids have one e-mail at a time: the newest change decides which. A person has one external id and one phone at a
time: a newer value means that the person no longer has the older one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from identity.identifiers import ANONYMOUS, EMAIL, EXTERNAL_ID, PHONE, Identifiers, Named

#: Identifiers that people often share: they do not join a change with a better identifier to other changes.
_SHARED_BY_NATURE: Final = frozenset({PHONE, ANONYMOUS})
#: Kinds of identifiers of which a person has one value at a time.
_ONE_AT_A_TIME: Final = frozenset({EXTERNAL_ID, PHONE})
#: The order of a change: the CDP's time (ms) and the number of the change.
_When = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ChangeIdentity:
    """The identity facts of one change.

    `at`: the CDP's time in ms. `late`: a newer membership change of the person arrived before it. `moving`: its
    identifiers that have one e-mail at a time. `exact`: it takes off the member with this name and nobody else who has
    the identifier. `spared`: names of people whom it does not take off, because it is late for them.
    """

    who: Identifiers
    action: str
    at: int
    late: bool = False
    moving: frozenset[Named] = frozenset()
    exact: bool = False
    spared: frozenset[Named] = frozenset()

    @property
    def leading(self) -> tuple[Named, ...]:
        """The identifiers that lead to the person: a phone only when there is nothing better."""
        return tuple(each for each in self.who.named if each[0] not in _SHARED_BY_NATURE or each == self.who.name)


@dataclass(frozen=True, slots=True)
class Before:
    """What is known from earlier batches.

    `elsewhere`: for identifiers of changes without an e-mail, the names of the persons who have them. `former`: the
    identifiers that these persons have replaced since. `owned`: by e-mail, its ids that have one e-mail at a time.
    """

    elsewhere: Mapping[Named, Collection[Named]] = field(default_factory=dict)
    former: Collection[Named] = ()
    owned: Mapping[str, Collection[Named]] = field(default_factory=dict)


class Holding:
    """Who has which identifier, by the changes of a batch and the earlier batches."""

    def __init__(self, said: Sequence[ChangeIdentity], before: Before) -> None:
        self._said, self._before = said, before
        self._email_changes: dict[Named, list[int]] = {}
        self._naming: dict[str, set[Named]] = {}
        self._value_changes: dict[tuple[Named, str], list[int]] = {}
        for i in sorted(range(len(said)), key=lambda i: (said[i].at, i)):
            self._note(i, said[i])

    def _note(self, index: int, each: ChangeIdentity) -> None:
        if each.late:
            return
        for named in each.moving if each.who.email or each.action == "remove" else ():
            self._email_changes.setdefault(named, []).append(index)
            self._naming.setdefault(each.who.email, set()).add(named)
        for kind, _ in each.who.named if each.who.email and each.action != "remove" else ():
            self._value_changes.setdefault(((EMAIL, each.who.email), kind), []).append(index)

    def is_free(self, owner: Named, index: int, leaving: Collection[Named]) -> bool:
        """Whether no id except `leaving` has the e-mail at the time of this change."""
        if owner[0] != EMAIL:
            return True
        before = {*self._before.owned.get(owner[1], ())}
        about = (before | self._naming.get(owner[1], set())) - {*leaving}
        return not any(self._has(named, owner[1], index, had=named in before) for named in about)

    def _has(self, named: Named, email: str, index: int, *, had: bool) -> bool:
        newest = self._newest(self._email_changes.get(named, ()), index)
        if newest is None:
            return had
        return self._said[newest].action != "remove" and self._said[newest].who.email == email

    def present(self, having: Iterable[Named], index: int, named: Named) -> list[Named]:
        """Return the persons who have the identifier at the time of this change.

        If there are none, return those who get it later in the batch; if none do, those who had it. A removal is not
        about people whose changes with it arrive later, too.
        """
        if named[0] not in _ONE_AT_A_TIME:
            return list(having)
        tiers: dict[int, list[Named]] = {}
        for person in having:
            tiers.setdefault(self._tier(person, index, named), []).append(person)
        if self._said[index].action == "remove":
            tiers[1] = [each for each in tiers.get(1, ()) if min(self._value_changes[each, named[0]]) < index]
        return next((tiers[tier] for tier in sorted(tiers) if tiers[tier]), [])

    def _tier(self, person: Named, index: int, named: Named) -> int:
        changes = self._value_changes.get((person, named[0]), [])
        newest = self._newest(changes, index)
        if newest is not None:
            return 0 if self._said[newest].who.value(named[0]) == named[1] else 2
        if person in self._before.elsewhere.get(named, ()):
            return 2 if named in self._before.former else 0
        return 1 if changes else 0

    def _newest(self, indexes: Sequence[int], index: int) -> int | None:
        """Return the last of these changes, oldest first, before the change of this number."""
        if index >= len(self._said):
            return indexes[-1] if indexes else None
        limit: _When = (self._said[index].at, index)
        return next((i for i in reversed(indexes) if (self._said[i].at, i) < limit), None)
