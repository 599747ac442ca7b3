"""Collects what is known of the people who leave, from their changes and from earlier deliveries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import NamedTuple

from identity.identifiers import ANONYMOUS, EMAIL, EXTERNAL_ID, PHONE, Named
from identity.leaving import Leaver, leads
from klaviyo.lookups import FoundProfile
from mappings.identifiers import canonical_email
from queues.names import Queue
from queues.people.identities import Identities
from queues.people.identity_tokens import Holder, RememberedPerson, has_another, own_token
from worker.delivery import Delivery
from worker.people.recognizing import handed_on, present


class Recalled(NamedTuple):
    """The remembered facts about these people. `hashed`: the hash of each identifier.

    `at`: the CDP's time (ms) of the person's removal, 0 if that does not matter.
    """

    memory: Identities
    hashed: Mapping[Named, bytes]
    holders: Mapping[bytes, Sequence[Holder]]
    known: Mapping[bytes, RememberedPerson]
    queue: Queue
    at: int = 0

    def of(self, named: Named) -> RememberedPerson | None:
        """Return the person whom an identifier names."""
        return self.known.get(self.hashed[named])

    def having(self, named: Named, moving: Collection[Named]) -> list[bytes]:
        """Return the people with an identifier; unless it is `moving`, people who have it now win over former ones.

        A late removal means the people who had it at that time (`handed_on`).
        """
        hashed = self.hashed[named]
        found = [each for each in self.holders.get(hashed, ()) if each.person in self.known]
        if named in moving:
            return [each.person for each in found]
        now = [(each.person, each.at) for each in present(named[0], hashed, found, self.known)]
        return [person for person, _ in handed_on(self.memory, named, now, self.known, self.at) or now]

    def profiles(
        self, having: Collection[bytes], moving: Collection[Named], leaving: Collection[bytes], but: Collection[bytes]
    ) -> set[str]:
        """Return the profile ids of people.

        Left out are the people in `but` and, if some of the CDP's ids leave (`moving`), people who have other such ids.
        """
        theirs = [self.known[each] for each in having if each not in but and not self._is_former(each, having)]
        return {each.profile_id for each in theirs if not moving or each.own_in(self.queue, leaving) <= {*leaving}}

    def _is_former(self, person: bytes, having: Collection[bytes]) -> bool:
        """Return whether an identifier's own record is about a person who has another value of that kind now."""
        if person not in self.hashed.values():
            return False
        profile_id = self.known[person].profile_id
        return any(each.profile_id == profile_id for other, each in self.known.items() if other not in having)

    def is_another(self, leaver: Leaver, moving: Collection[Named], leaving: Collection[bytes], whose: bytes) -> bool:
        """Return whether a person is not the leaver, although Klaviyo shows one of the leaver's ids for them."""
        ids = [(EXTERNAL_ID, value) for value in leaver.external_ids] or [(PHONE, value) for value in leaver.phones]
        if whose not in self.known:
            return any(person != self.hashed[each] for each in ids for person in self.having(each, moving))
        if moving and not self.known[whose].own_in(self.queue, leaving) <= {*leaving}:
            return True
        return not any(self._stands_for(each, moving, whose) for each in ids)

    def _stands_for(self, named: Named, moving: Collection[Named], whose: bytes) -> bool:
        if others := [each for each in self.having(named, moving) if each != self.hashed[named]]:
            return whose in others
        return named in moving or not has_another(self.known[whose], named[0], self.hashed[named])


class Leavers(NamedTuple):
    """The leavers of a batch, by person, and the remembered facts. `leaving`: tokens of the moving ids that leave."""

    by_person: dict[int, Leaver]
    recalled: Recalled
    moving: Mapping[int, frozenset[Named]]
    leaving: frozenset[bytes]

    @property
    def delivered(self) -> list[tuple[str, bytes]]:
        """Return the delivered profiles, each with the hash of its person."""
        return [(each.profile_id, person) for person, each in self.recalled.known.items()]


def known_leavers(delivery: Delivery, persons: Sequence[int]) -> Leavers:
    """Return the known facts about the people who leave. Raises redis.RedisError."""
    named = {person: _named(delivery, person) for person in persons}
    recalled = _recalled(delivery, {each for some in named.values() for each in some})
    moving = {person: _moving(delivery, person, some) for person, some in named.items()}
    leaving = frozenset(
        own_token(recalled.hashed[each], delivery.batch.queue) for some in moving.values() for each in some
    )
    here = {*map(delivery.hash_of, delivery.intents)}
    leavers = {
        person: _leaver(delivery, person, some, _at_the_time(delivery, person, recalled), moving[person], leaving, here)
        for person, some in named.items()
    }
    return Leavers(leavers, recalled, moving, leaving)


def without_strangers(
    delivery: Delivery, leavers: Leavers, some: Collection[int], found: Iterable[FoundProfile]
) -> dict[int, Leaver]:
    """Return the leavers with their strangers: profiles that have one of their ids at Klaviyo but are others' now.

    Raises redis.RedisError.
    """
    by_id: dict[Named, list[FoundProfile]] = {}
    for each in found:
        for named in ((EXTERNAL_ID, each.external_id or ""), (PHONE, each.phone_number or "")):
            by_id.setdefault(named, []).append(each)
    asked: dict[int, list[FoundProfile]] = {}
    for person in some:
        leaver = leavers.by_person[person]
        having = [each for named in _ids(leaver) for each in by_id.get(named, ())] if not leaver.email else []
        if left := [each for each in having if each.id not in leaver.delivered | leaver.by_ids]:
            asked[person] = left
    memory = delivery.identities
    whose = {each.id: memory.hash(_name_of(each)) for ids in asked.values() for each in ids}
    known = memory.people(list(set(whose.values()))) if whose else {}
    # People who do not leave and get the id in this batch got it after the removal; with another one they gave it up.
    given = {
        delivery.hash_of(person): {*delivery.people.named(intent.indexes)}
        for person, intent in delivery.intents.items()
        if asked and intent.membership != "remove"
    }
    recalled = leavers.recalled._replace(known={**leavers.recalled.known, **known})
    strangers = {
        person: frozenset(
            each.id
            for each in having
            if _has_news(leavers.by_person[person], given.get(whose[each.id], ()))
            or (
                (each.email or whose[each.id] in known)
                and _at_the_time(delivery, person, recalled).is_another(
                    leavers.by_person[person], leavers.moving[person], leavers.leaving, whose[each.id]
                )
            )
            or whose[each.id] in _spared(delivery, person)
        )
        for person, having in asked.items()
    }
    return {person: replace(leavers.by_person[person], strangers=strangers.get(person, frozenset())) for person in some}


def _spared(delivery: Delivery, person: int) -> set[bytes]:
    """Return the people for whom the person's removals are late."""
    indexes, people = delivery.intents[person].indexes, delivery.people
    return {delivery.identities.hash_of(name) for i in indexes for name in people.said(i).spared}


def _has_news(leaver: Leaver, given: Collection[Named]) -> bool:
    kind = EXTERNAL_ID if leaver.external_ids else PHONE
    return any(each[0] == kind or each in _ids(leaver) for each in given)


def _name_of(profile: FoundProfile) -> Named:
    if profile.email:
        return EMAIL, canonical_email(profile.email)
    return (EXTERNAL_ID, profile.external_id) if profile.external_id else (PHONE, profile.phone_number or "")


def _ids(leaver: Leaver) -> list[Named]:
    return [*((EXTERNAL_ID, each) for each in leaver.external_ids), *((PHONE, each) for each in leaver.phones)]


def _named(delivery: Delivery, person: int) -> list[Named]:
    """Return the identifiers under which a person leaves."""
    intent, people = delivery.intents[person], delivery.people
    named = people.named(intent.indexes)
    if people.is_member(intent.indexes):
        return named[:1]
    address = [each for each in named if each[0] == EMAIL][:1]
    # An id from another change than the removals may be somebody else's, so it is not used.
    removals = [i for i in intent.indexes if people.said(i).action == "remove"] or ([] if address else intent.indexes)
    told = people.named(removals)
    if not address and named[0] not in told and told[0][0] in (PHONE, ANONYMOUS):
        return named[:1]  # the person of this batch whose phone it is; before, it may have been somebody else's
    return list(dict.fromkeys((*address, *told)))


def _moving(delivery: Delivery, person: int, named: Collection[Named]) -> frozenset[Named]:
    """Return the identifiers that have one e-mail at a time."""
    indexes, people = delivery.intents[person].indexes, delivery.people
    ids = () if people.is_member(indexes) else named
    return frozenset({each for i in indexes for each in people.said(i).moving} & {*ids})


def _at_the_time(delivery: Delivery, person: int, recalled: Recalled) -> Recalled:
    """Return the facts at the time of the person's newest removal."""
    intent, people = delivery.intents[person], delivery.people
    removals = (people.said(i) for i in (*intent.indexes, *intent.leaves))
    return recalled._replace(at=max((each.at for each in removals if each.action == "remove"), default=0))


def _recalled(delivery: Delivery, named: Iterable[Named]) -> Recalled:
    memory = delivery.identities
    hashed = {each: memory.hash(each) for each in named}
    holders = memory.holders([value for each, value in hashed.items() if each[0] != EMAIL])
    people = {holder.person for having in holders.values() for holder in having}
    return Recalled(memory, hashed, holders, memory.people([*people.union(hashed.values())]), delivery.batch.queue)


def _leaver(
    delivery: Delivery,
    person: int,
    named: Sequence[Named],
    memory: Recalled,
    moving: Collection[Named],
    leaving: Collection[bytes],
    here: Set[bytes],
) -> Leaver:
    """Return the known facts about one leaver. `here`: the hashes of all people of the batch."""
    indexes, people = delivery.intents[person].indexes, delivery.people
    is_member = people.is_member(indexes)
    address = next((each for each in named if each[0] == EMAIL), None)
    # A snapshot removes a member under the single name in the membership ledger.
    name = next(iter(named), None) if is_member else address
    mine = memory.of(name) if name else None
    # A removal without e-mail, next to an e-mail of the batch, has already been assigned to its person.
    naming = [i for i in indexes if not address or (people.said(i).action == "remove" and people.who(i).email)]
    asked = {*people.named(naming)}
    others = [each for each in named if each in asked and each not in moving and leads(each, named) and not is_member]
    spared = _spared(delivery, person)
    own = memory.profiles({one for each in moving for one in memory.having(each, moving)}, moving, leaving, spared)
    by_others = not address or not people.facts.strangers.isdisjoint(indexes)
    having = {one for each in others for one in memory.having(each, moving)} if by_others else set()
    if not address:  # whether the other people of the batch leave is decided by their own changes
        spared |= (having & here) - {memory.hashed[each] for each in named}
    return Leaver(
        email=address[1] if address else "",
        phones=frozenset(value for kind, value in named if kind == PHONE),
        external_ids=frozenset(value for kind, value in named if kind == EXTERNAL_ID),
        delivered=frozenset({mine.profile_id if mine else "", *own} - {""}),
        by_ids=frozenset(memory.profiles(having, moving, leaving, spared) - {""}),
        is_known=not is_member and mine is not None,
        is_member=is_member,
    )
