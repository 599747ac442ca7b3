"""Leavers: what is known of the people who leave, from their changes and from what was delivered before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from identity.identifiers import EMAIL, EXTERNAL_ID, PHONE, Named
from identity.leaving import Leaver
from klaviyo.lookups import FoundProfile
from mappings import email
from queues.people.identities import Holder, RememberedPerson, has_another, own_token
from worker.delivery import Delivery
from worker.people.recognizing import hash_of, present


class Recalled(NamedTuple):
    """What is remembered of these people. `hashed`: of each identifier."""

    hashed: Mapping[Named, bytes]
    holders: Mapping[bytes, Sequence[Holder]]
    known: Mapping[bytes, RememberedPerson]

    def of(self, named: Named) -> RememberedPerson | None:
        """The person whom an identifier names."""
        return self.known.get(self.hashed[named])

    def having(self, named: Named, moving: Collection[Named]) -> list[bytes]:
        """The people who have an identifier; where it is none of the `moving`, those who have it now before others."""
        hashed = self.hashed[named]
        found = [each for each in self.holders.get(hashed, ()) if each.person in self.known]
        return [each.person for each in (found if named in moving else present(named[0], hashed, found, self.known))]

    def profiles(
        self, wanted: Iterable[Named], moving: Collection[Named], leaving: Collection[bytes], but: Collection[bytes]
    ) -> set[str]:
        """Of the people who have these, but for those for whom another of the CDP's ids stands than the `leaving` ones.

        And but for the people `but`.
        """
        having = {person for each in wanted for person in self.having(each, moving)}
        theirs = [self.known[each] for each in having if each not in but]
        return {each.profile_id for each in theirs if each.own <= {*leaving}}

    def is_another(self, leaver: Leaver, moving: Collection[Named], leaving: Collection[bytes], whose: bytes) -> bool:
        """Whether somebody who is known is not the leaver, although Klaviyo shows an id of the leaver's with them."""
        if moving and not self.known[whose].own <= {*leaving}:
            return True
        ids = [(EXTERNAL_ID, value) for value in leaver.external_ids] or [(PHONE, value) for value in leaver.phones]
        return not any(self._stands_for(each, moving, whose) for each in ids)

    def _stands_for(self, named: Named, moving: Collection[Named], whose: bytes) -> bool:
        if others := [each for each in self.having(named, moving) if each != self.hashed[named]]:
            return whose in others
        return named in moving or not has_another(self.known[whose], named[0], self.hashed[named])


class Leavers(NamedTuple):
    """Those of a batch, by person, and what is remembered of them. `leaving`: tokens of the moving ids that leave."""

    by_person: dict[int, Leaver]
    recalled: Recalled
    moving: Mapping[int, frozenset[Named]]
    leaving: frozenset[bytes]

    @property
    def delivered(self) -> list[tuple[str, bytes]]:
        """The profiles that were delivered, with whom (hash)."""
        return [(each.profile_id, person) for person, each in self.recalled.known.items()]


def known_leavers(delivery: Delivery, persons: Sequence[int]) -> Leavers:
    """What is known of those who leave. Raises redis.RedisError."""
    named = {person: _named(delivery, person) for person in persons}
    recalled = _recalled(delivery, {each for some in named.values() for each in some})
    moving = {person: _moving(delivery, person, some) for person, some in named.items()}
    leaving = frozenset(own_token(recalled.hashed[each]) for some in moving.values() for each in some)
    leavers = {
        person: _leaver(delivery, person, some, recalled, moving[person], leaving) for person, some in named.items()
    }
    return Leavers(leavers, recalled, moving, leaving)


def without_strangers(
    delivery: Delivery, leavers: Leavers, some: Collection[int], found: Iterable[FoundProfile]
) -> dict[int, Leaver]:
    """The same, and which of the profiles that have their ids at Klaviyo are those of others now, by what was told.

    Raises redis.RedisError.
    """
    by_id: dict[Named, list[FoundProfile]] = {}
    for each in found:
        for named in ((EXTERNAL_ID, each.external_id or ""), (PHONE, each.phone_number or "")) if each.email else ():
            by_id.setdefault(named, []).append(each)
    asked: dict[int, list[FoundProfile]] = {}
    for person in some:
        leaver = leavers.by_person[person]
        ids = [*((EXTERNAL_ID, each) for each in leaver.external_ids), *((PHONE, each) for each in leaver.phones)]
        having = [each for named in ids for each in by_id.get(named, ())] if not leaver.email else []
        if left := [each for each in having if each.id not in leaver.delivered | leaver.by_ids]:
            asked[person] = left
    memory = delivery.identities
    whose = {each.id: memory.hash((EMAIL, email.canonical(each.email or ""))) for ids in asked.values() for each in ids}
    known = memory.people(list(set(whose.values()))) if whose else {}
    recalled = leavers.recalled._replace(known={**leavers.recalled.known, **known})
    strangers = {
        person: frozenset(
            each.id
            for each in having
            if whose[each.id] in recalled.known
            and recalled.is_another(leavers.by_person[person], leavers.moving[person], leavers.leaving, whose[each.id])
        )
        for person, having in asked.items()
    }
    return {person: replace(leavers.by_person[person], strangers=strangers.get(person, frozenset())) for person in some}


def _named(delivery: Delivery, person: int) -> list[Named]:
    """The identifiers under which a person leaves."""
    intent, people = delivery.intents[person], delivery.people
    named = people.named(intent.indexes)
    if people.is_member(intent.indexes):
        return named[:1]
    address = [each for each in named if each[0] == EMAIL][:1]
    # An id that only another change gives may be somebody else's: it says nothing of who leaves.
    removals = [i for i in intent.indexes if people.said(i).action == "remove"] or ([] if address else intent.indexes)
    return list(dict.fromkeys((*address, *people.named(removals))))


def _moving(delivery: Delivery, person: int, named: Collection[Named]) -> frozenset[Named]:
    """Those of the identifiers that have one e-mail at a time."""
    indexes, people = delivery.intents[person].indexes, delivery.people
    if people.is_member(indexes):
        return frozenset()
    return frozenset({each for i in indexes for each in people.said(i).moving} & {*named})


def _recalled(delivery: Delivery, named: Iterable[Named]) -> Recalled:
    memory = delivery.identities
    hashed = {each: memory.hash(each) for each in named}
    holders = memory.holders([value for each, value in hashed.items() if each[0] != EMAIL])
    people = {holder.person for having in holders.values() for holder in having}
    return Recalled(hashed, holders, memory.people([*people.union(hashed.values())]))


def _leaver(
    delivery: Delivery,
    person: int,
    named: Sequence[Named],
    memory: Recalled,
    moving: Collection[Named],
    leaving: Collection[bytes],
) -> Leaver:
    indexes, people = delivery.intents[person].indexes, delivery.people
    is_member = people.is_member(indexes)
    address = next((each for each in named if each[0] == EMAIL), None)
    # A snapshot takes off a member under the one name that the membership ledger has.
    name = next(iter(named), None) if is_member else address
    mine = memory.of(name) if name else None
    # A removal that names no e-mail beside one of the batch has said already whom it means.
    naming = [i for i in indexes if not address or (people.said(i).action == "remove" and people.who(i).email)]
    asked = {*people.named(naming)}
    others = [each for each in named if each in asked and each not in moving and _leads(each, named)]
    spared = {hash_of(delivery.identities, name) for i in indexes for name in people.said(i).spared}
    own = memory.profiles(moving, moving, leaving, spared)
    return Leaver(
        email=address[1] if address else "",
        phones=frozenset(value for kind, value in named if kind == PHONE),
        external_ids=frozenset(value for kind, value in named if kind == EXTERNAL_ID),
        delivered=frozenset({mine.profile_id if mine else "", *own} - {""}),
        by_ids=frozenset() if is_member else frozenset(memory.profiles(others, moving, leaving, spared) - {""}),
        is_known=not is_member and mine is not None,
        is_member=is_member,
    )


def _leads(named: Named, among: Iterable[Named]) -> bool:
    """A phone leads to somebody only where nothing better is known."""
    return named[0] not in (EMAIL, PHONE) or all(kind == PHONE for kind, _ in among)
