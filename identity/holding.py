"""Who has an identifier at the time of a change, when it moves between people in a batch (rule 1 of `identity`). Pure.

Some ids have one e-mail at a time: the newest change decides which. A person has one external id and one phone at a
time: a newer value means that the person no longer has the older one.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from identity.identifiers import ANONYMOUS, EMAIL, EXTERNAL_ID, PHONE, Identifiers, Named

#: Identifiers that people often share: they do not join a change with a better identifier to other changes.
_SHARED_BY_NATURE: Final = frozenset({PHONE, ANONYMOUS})
#: Kinds of identifiers with one value a person at a time.
_ONE_AT_A_TIME: Final = frozenset({EXTERNAL_ID, PHONE})
#: Whether a person has an identifier at the time of a change: now, by a change that has arrived though its time is
#: later, only before, or by a change that arrives later.
_Tier = Literal["has", "comes", "had", "later"]
_TIERS: Final[tuple[_Tier, ...]] = ("has", "comes", "had", "later")
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

    `elsewhere`: for identifiers of changes without an e-mail, the names of the persons who have them. `earlier`: the
    same for an identifier of one change, by its number, when they had it at its time and handed it on since. `former`:
    the identifiers that the persons of `elsewhere` have replaced since. `owned`: by e-mail, its ids that have one
    e-mail at a time. `delivered`: e-mails of the batch that were delivered before, each with the times (ms) of its
    current values by kind. `is_list`: the changes are about a list, so people who have left everything count only if
    nobody else has an identifier. `members`: e-mails of the batch that had not left before.
    """

    elsewhere: Mapping[Named, Collection[Named]] = field(default_factory=dict)
    earlier: Mapping[tuple[int, Named], Collection[Named]] = field(default_factory=dict)
    former: Collection[Named] = ()
    owned: Mapping[str, Collection[Named]] = field(default_factory=dict)
    delivered: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    is_list: bool = False
    members: Collection[str] = ()

    def having(self, index: int, named: Named) -> Collection[Named]:
        """Return the persons of earlier batches who had an identifier at the time of the change of that number."""
        return self.earlier.get((index, named)) or self.elsewhere.get(named, ())


class Holding:
    """Who has which identifier, by the changes of a batch and the earlier batches."""

    def __init__(self, said: Sequence[ChangeIdentity], before: Before) -> None:
        self._said, self._before = said, before
        self._email_changes: dict[Named, list[int]] = {}
        self._naming: dict[str, set[Named]] = {}
        self._value_changes: dict[tuple[Named, str], list[int]] = {}
        self._memberships: dict[str, list[int]] = {}
        self._first: dict[str, int] = {}
        for i, each in enumerate(said):
            self._first.setdefault(each.who.email, i)
        for i in sorted(range(len(said)), key=lambda i: (said[i].at, i)):
            self._note(i, said[i])

    def _note(self, index: int, each: ChangeIdentity) -> None:
        if each.late:
            return
        for named in each.moving if each.who.email or each.action == "remove" else ():
            self._email_changes.setdefault(named, []).append(index)
            self._naming.setdefault(each.who.email, set()).add(named)
        if each.who.email and each.action in ("add", "remove"):
            self._memberships.setdefault(each.who.email, []).append(index)
        newer = self._before.delivered.get(each.who.email, {})
        for kind, _ in each.who.named if each.action != "remove" else ():
            # Without an e-mail the external id is the person's name, and only the phone changes.
            if each.who.name and (each.who.email or kind == PHONE) and each.at >= newer.get(kind, 0):
                self._value_changes.setdefault((each.who.name, kind), []).append(index)

    def assign(self, index: int, person: Named) -> None:
        """Note the person of a change without an e-mail: its phone is that person's from then on."""
        each, newer = self._said[index], self._before.delivered.get(person[1], {}).get(PHONE, 0)
        if each.late or each.action == "remove" or each.at < newer or person == each.who.name:
            return
        changes = self._value_changes.setdefault((person, PHONE), [])
        if each.who.value(PHONE) and index not in changes:
            insort(changes, index, key=lambda i: (self._said[i].at, i))

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

        If there are none, return those who had it. If nobody had an external id, the change is about the new person who
        comes with it first: Klaviyo's profile of the id alone becomes that person's. A removal is not.
        """
        if named[0] not in _ONE_AT_A_TIME:
            return list(having)
        tiers: dict[_Tier, list[Named]] = {}
        for person in having:
            tiers.setdefault(self._tier(person, index, named), []).append(person)
        finds = named[0] == EXTERNAL_ID and self._said[index].action != "remove"
        new = [each for each in tiers.get("later", ()) if finds and self._is_new(each, named)]
        tiers["later"] = sorted(new, key=lambda each: min(self._giving(each, named)))[:1]
        found = next((tiers[tier] for tier in _TIERS if tiers.get(tier)), [])
        members = [each for each in found if self._is_member(each, index)] if self._before.is_list else []
        return members or found

    def _is_member(self, person: Named, index: int) -> bool:
        if person[0] != EMAIL:
            return True
        newest = self._newest(self._memberships.get(person[1], ()), index)
        return person[1] in self._before.members if newest is None else self._said[newest].action == "add"

    def _tier(self, person: Named, index: int, named: Named) -> _Tier:
        changes, gives = self._value_changes.get((person, named[0]), []), self._giving(person, named)
        newest, had = self._newest(changes, index), person in self._before.having(index, named)
        is_former = named in self._before.former and (index, named) not in self._before.earlier
        if newest in gives or (had and newest is None and not is_former):
            return "has"
        if had or self._newest(gives, index) is not None:
            return "had"
        if gives:
            return "comes" if min(gives) < index else "later"
        # The change of a person with an e-mail is late or a removal.
        return "had" if person[0] == EMAIL else "has"

    def _giving(self, person: Named, named: Named) -> list[int]:
        """Return the changes by which a person gets an identifier, oldest first."""
        changes = self._value_changes.get((person, named[0]), [])
        return [i for i in changes if self._said[i].who.value(named[0]) == named[1]]

    def _is_new(self, person: Named, named: Named) -> bool:
        """Return whether a person with an e-mail is first heard of with this identifier."""
        return person[1] not in self._before.delivered and self._first[person[1]] == min(self._giving(person, named))

    def _newest(self, indexes: Sequence[int], index: int) -> int | None:
        """Return the last of these changes, oldest first, before the change of this number."""
        if index >= len(self._said):
            return indexes[-1] if indexes else None
        limit: _When = (self._said[index].at, index)
        return next((i for i in reversed(indexes) if (self._said[i].at, i) < limit), None)
