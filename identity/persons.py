"""Which changes of a batch are about one person (rule 1 of `identity`), and the one result for each. Pure.

A person is identified by one e-mail or, without one, by one unblocked identifier.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from identity.holding import Before, ChangeIdentity, Holding
from identity.identifiers import EMAIL, STRENGTH, Named


@dataclass(slots=True)
class PersonGroup:
    """One person of the batch. `indexes`: the changes, oldest first by (CDP time, arrival).

    `leaves`: changes of others that take this person off, such as a removal by an id that several e-mails have. They
    include `moved_to`: changes by which an id's newer e-mail joins, which must be on the list before this one leaves.
    `ambiguous`: the changes name an id that belongs to several current e-mails.
    """

    indexes: list[int] = field(default_factory=list)
    leaves: list[int] = field(default_factory=list)
    moved_to: list[int] = field(default_factory=list)
    ambiguous: bool = False


def groups(
    said: Sequence[ChangeIdentity],
    before: Before | None = None,
    strangers: Mapping[int, Collection[Named]] | None = None,
) -> list[PersonGroup]:
    """Return the persons in the order in which they first appear; every change is in exactly one.

    `strangers`: removals whose e-mail was never delivered, so that their ids decide who leaves, each with the person
    of earlier batches who has these ids.
    """
    batch, strangers = _Batch(said, before or Before()), strangers or {}
    found: dict[Named, PersonGroup] = {}
    for index in range(len(said)):
        owner, ambiguous = batch.owner(index)
        group = found.setdefault(owner, PersonGroup())
        group.indexes.append(index)
        group.ambiguous = group.ambiguous or ambiguous
    for group in found.values():
        group.indexes.sort(key=batch.order)
    for index, each in enumerate(said):
        if each.action == "remove" and not each.late and not each.exact:
            by_any = not each.who.email or index in strangers
            _take_off_others(batch, index, found, strangers.get(index, ()), by_any=by_any)
    _move(batch, found)
    return list(found.values())


class _Batch:
    """The changes of a batch, by their identifiers and persons."""

    def __init__(self, said: Sequence[ChangeIdentity], before: Before) -> None:
        self.said = said
        self.having: dict[Named, list[int]] = {}
        self._before = before
        self._persons: dict[Named, dict[Named, None]] = {}
        self._owners: dict[int, tuple[Named, bool]] = {}
        for index, each in enumerate(said):
            for named in each.who.named[1 if each.who.email else 0 :]:
                self.having.setdefault(named, []).append(index)
        self._settle_owners()

    @cached_property
    def holding(self) -> Holding:
        """Who has which identifier. Most batches never ask: people with an e-mail who join once."""
        return Holding(self.said, self._before)

    def owner(self, index: int) -> tuple[Named, bool]:
        """Return the name of the person of a change, and whether several people may be meant."""
        return self._owners[index]

    def order(self, index: int) -> tuple[int, int]:
        """Return the sort key of a change: (CDP time, arrival)."""
        return self.said[index].at, index

    def _settle_owners(self) -> None:
        without = []
        for index, each in enumerate(self.said):
            if each.who.email:
                self._belongs(index, (EMAIL, each.who.email))
            elif each.exact and each.who.name:
                self._owners[index] = (each.who.name, False)
            elif each.who.named and not each.who.wrong:
                without.append(index)
            else:
                self._owners[index] = (("nobody", str(index)), False)
        # Changes with stronger identifiers come first, so that weaker ones find their persons.
        for index in sorted(without, key=lambda i: (STRENGTH.index(self.said[i].who.named[0][0]), i)):
            self._find(index)
            self.holding.assign(index, self._owners[index][0])

    def _belongs(self, index: int, owner: Named) -> None:
        self._owners[index] = (owner, False)
        for named in self.said[index].who.named:
            self._persons.setdefault(named, {})[owner] = None

    def _find(self, index: int) -> None:
        """Find the person of a change without an e-mail, by its strongest identifier that anybody has."""
        each = self.said[index]
        itself = each.who.named[0]
        for named in each.leading:
            here = list(self._persons.get(named, ()))
            if here and named in each.moving:
                return self._belongs_or_stays(index, self._at_the_time(index, named) or here[-1])
            having = [one for one in self.stands_for(index, named) if one != itself]
            if len(having) > 1:
                is_removal = each.action == "remove"
                self._owners[index] = (itself if is_removal else ("several", str(index)), not is_removal)
                return None
            if having and (index, named) in self._before.earlier:
                self._owners[index] = (having[0], False)  # not the person of newer changes with this identifier
                return None
            if having or here:
                owner = next((one for one in reversed(having) if one in self._persons), itself)
                self.holding.assign(index, having[0] if having else owner)
                return self._belongs_or_stays(index, owner)
        return self._belongs(index, itself)

    def _belongs_or_stays(self, index: int, owner: Named) -> None:
        """Assign the change to `owner`, except a removal by an id when another id keeps the e-mail on the list."""
        each = self.said[index]
        stays = each.action == "remove" and bool(each.moving) and not self.holding.is_free(owner, index, each.moving)
        self._belongs(index, each.who.named[0] if stays else owner)

    def stands_for(self, index: int, named: Named) -> list[Named]:
        """Return the persons whom an identifier names at the time of a change."""
        having = dict.fromkeys((*self._before.having(index, named), *self._persons.get(named, ())))
        return list(having) if named in self.said[index].moving else self.holding.present(having, index, named)

    def _at_the_time(self, index: int, named: Named) -> Named | None:
        """Return the e-mail that an id had at the time of the change: the newest before it, else the first after it."""
        having = sorted((i for i in self.having[named] if self.said[i].who.email), key=self.order)
        before = [i for i in having if self.order(i) < self.order(index)]
        chosen = before[-1:] or having[:1]
        return (EMAIL, self.said[chosen[0]].who.email) if chosen else None


def _take_off_others(
    batch: _Batch, index: int, found: Mapping[Named, PersonGroup], meant: Iterable[Named], *, by_any: bool
) -> None:
    """Let a removal take off every other person whom its ids name, and those `meant` by earlier batches.

    All ids count when it names no known e-mail (`by_any`), else only ids that have one e-mail at a time.
    """
    each = batch.said[index]
    mine, _ = batch.owner(index)
    ids = [named for named in each.leading if named[0] != EMAIL and (by_any or named in each.moving)]
    owners = dict.fromkeys((*(one for named in ids for one in batch.stands_for(index, named)), *meant))
    for owner in owners:
        others = owner in found and owner != mine and owner not in each.spared
        if others and (not each.moving or batch.holding.is_free(owner, index, each.moving)):
            found[owner].leaves.append(index)


def _move(batch: _Batch, found: Mapping[Named, PersonGroup]) -> None:
    """Replace the older e-mails of an id by its newest one."""
    for named, having in batch.having.items():
        if len(having) < 2:
            continue
        joining = [i for i in having if _joins(batch.said[i]) and named in batch.said[i].moving]
        if len(joining) < 2:
            continue
        newest = max(joining, key=batch.order)
        for owner in {batch.owner(i)[0] for i in joining} - {batch.owner(newest)[0]}:
            group = found[owner]
            if newest not in group.moved_to and batch.holding.is_free(
                owner, len(batch.said), batch.said[newest].moving
            ):
                group.moved_to.append(newest)
                group.leaves.append(newest)


def _joins(each: ChangeIdentity) -> bool:
    return each.action == "add" and bool(each.who.email) and not each.late


@dataclass(slots=True)
class Intent(PersonGroup):
    """The work to be done for one person; the last of the person's changes identifies the person.

    `membership`: the resulting membership, None when no change concerns it. `written`: the changes whose attributes are
    uploaded, none when the person only leaves. `decisive`: the change that decided it; once it is delivered, no older
    dead letter of the person may be replayed.
    """

    membership: Literal["add", "remove"] | None = None
    written: list[int] = field(default_factory=list)
    decisive: int | None = None

    @property
    def last(self) -> int:
        """Return the change that identifies the person."""
        return self.indexes[-1]


def coalesce(
    said: Sequence[ChangeIdentity],
    before: Before | None = None,
    strangers: Mapping[int, Collection[Named]] | None = None,
) -> list[Intent]:
    """Return one intent per person, in the order in which the persons first appear. See `groups`.

    The newest add or remove that is not late decides membership. The attributes of all changes since the last removal
    are written, in order. A removal drops the attributes before it, so that no profile is created only to be removed.
    """
    return [_intent(said, group) for group in groups(said, before, strangers)]


def _intent(said: Sequence[ChangeIdentity], group: PersonGroup) -> Intent:
    intent = Intent(group.indexes, group.leaves, group.moved_to, group.ambiguous)
    leaves = group.leaves
    for i in sorted((*group.indexes, *leaves), key=lambda i: (said[i].at, i)) if leaves else group.indexes:
        each = said[i]
        if i in leaves or (each.action == "remove" and not each.late):
            intent.membership, intent.written, intent.decisive = "remove", [], i
        elif each.action != "remove":
            if each.action == "add" and not each.late:
                intent.membership, intent.decisive = "add", i
            intent.written.append(i)
    return intent
