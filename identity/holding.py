"""Whose an identifier is at the time of a change, where it changes hands in a batch (rule 1 of `identity`). Pure.

Some ids have one e-mail at a time: the newest telling says which. Of external ids and phones a person has one at a
time: who was told to have another one since held the former only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from identity.identifiers import ANONYMOUS, EMAIL, EXTERNAL_ID, PHONE, Identifiers, Named

#: Identifiers that people share by nature, so that a change which has a better one is not joined to others by them.
_SHARED_BY_NATURE: Final = frozenset({PHONE, ANONYMOUS})
#: Kinds of which a person has one value at a time.
_ONE_AT_A_TIME: Final = frozenset({EXTERNAL_ID, PHONE})
#: When something was told: the CDP's time (ms), and the number of the change.
_When = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ChangeIdentity:
    """What one change says. `at`: ms, the CDP's time. `late`: a newer membership change of the person came before it.

    `moving`: those of its identifiers that have one e-mail at a time. `exact`: it takes off the member whom its name
    stands for, and nobody else who has the identifier. `spared`: names of people whom it does not take off, for whom it
    comes late.
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
        """The identifiers that lead to the person: a phone only where there is nothing better."""
        return tuple(each for each in self.who.named if each[0] not in _SHARED_BY_NATURE or each == self.who.name)


@dataclass(frozen=True, slots=True)
class Before:
    """What earlier batches left. `elsewhere`: for identifiers of changes without an e-mail, the names of the persons
    who have them; `former`: those of which these have another one since. `owned`: e-mails, and the ids of those that
    have one e-mail at a time by which they are known.
    """

    elsewhere: Mapping[Named, Collection[Named]] = field(default_factory=dict)
    former: Collection[Named] = ()
    owned: Mapping[str, Collection[Named]] = field(default_factory=dict)


class Holding:
    """Who holds what, by a batch and by what earlier ones left."""

    def __init__(self, said: Sequence[ChangeIdentity], before: Before) -> None:
        self._said, self._before = said, before
        self._telling: dict[Named, list[int]] = {}
        self._naming: dict[str, set[Named]] = {}
        self._told: dict[tuple[Named, str], list[int]] = {}
        for i in sorted(range(len(said)), key=lambda i: (said[i].at, i)):
            self._note(i, said[i])

    def _note(self, index: int, each: ChangeIdentity) -> None:
        if each.late:
            return
        for named in each.moving if each.who.email or each.action == "remove" else ():
            self._telling.setdefault(named, []).append(index)
            self._naming.setdefault(each.who.email, set()).add(named)
        for kind, _ in each.who.named if each.who.email and each.action != "remove" else ():
            self._told.setdefault(((EMAIL, each.who.email), kind), []).append(index)

    def is_free(self, owner: Named, index: int, leaving: Collection[Named]) -> bool:
        """Whether none but these ids has the e-mail when the change of that number is made."""
        if owner[0] != EMAIL:
            return True
        before = {*self._before.owned.get(owner[1], ())}
        about = (before | self._naming.get(owner[1], set())) - {*leaving}
        return not any(self._has(named, owner[1], index, had=named in before) for named in about)

    def _has(self, named: Named, email: str, index: int, *, had: bool) -> bool:
        newest = self._newest(self._telling.get(named, ()), index)
        if newest is None:
            return had
        return self._said[newest].action != "remove" and self._said[newest].who.email == email

    def present(self, having: Iterable[Named], index: int, named: Named) -> list[Named]:
        """Those of the persons who have the identifier when that change is made; else who gets it later in the batch;
        else who had it."""
        if named[0] not in _ONE_AT_A_TIME:
            return list(having)
        tiers: dict[int, list[Named]] = {}
        for person in having:
            tiers.setdefault(self._tier(person, index, named), []).append(person)
        return tiers[min(tiers)] if tiers else []

    def _tier(self, person: Named, index: int, named: Named) -> int:
        told = self._told.get((person, named[0]), [])
        newest = self._newest(told, index)
        if newest is not None:
            return 0 if self._said[newest].who.value(named[0]) == named[1] else 2
        if person in self._before.elsewhere.get(named, ()):
            return 2 if named in self._before.former else 0
        return 1 if told else 0

    def _newest(self, indexes: Sequence[int], index: int) -> int | None:
        """Of these changes, oldest first, the last one before that of this number."""
        if index >= len(self._said):
            return indexes[-1] if indexes else None
        limit: _When = (self._said[index].at, index)
        return next((i for i in reversed(indexes) if (self._said[i].at, i) < limit), None)
