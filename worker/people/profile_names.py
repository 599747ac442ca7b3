"""By what else the membership ledger may know the profiles of a batch, so that none is a member twice or after all.

Leavers: what is known of the people who leave, from their changes and from what was delivered before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from identity.identifiers import EMAIL, EXTERNAL_ID, PHONE, Named
from identity.leaving import Leaver
from klaviyo.lookups import FoundProfile
from mappings.profile import Profile
from queues.people.identities import Holder, RememberedPerson, own_token
from queues.snapshots import members
from worker.delivery import Delivery
from worker.people.recognizing import hash_of
from worker.snapshots.read_list import identities

#: Profile ids by the person whose change takes them off.
Theirs = Mapping[int, Sequence[str]]


def of_profile(profile: FoundProfile) -> list[str]:
    """All by which the ledger may know a profile, strongest first. Pure."""
    known = {"email": profile.email, "external_id": profile.external_id, "phone_number": profile.phone_number}
    return identities(known)


def note_joined(delivery: Delivery, person: int, given: Mapping[str, str], profile: FoundProfile) -> None:
    """The profile of somebody who joined was found on the list. `given`: what was sent of the person's identifiers."""
    own = members.identity(given)
    others = [name for name in of_profile(profile) if name != own]
    if others and delivery.keeps_members:
        delivery.progress.joined.names[person] = others


def note_gone(
    delivery: Delivery, theirs: Iterable[tuple[int, Sequence[str]]], there: Mapping[str, FoundProfile]
) -> None:
    """The profiles `there` are taken off the list."""
    if not delivery.keeps_members:
        return
    names, staying = delivery.progress.gone.names, joined_names(delivery)
    for person, ids in theirs:
        found = {name for each in ids if each in there for name in of_profile(there[each])}
        names[person] = sorted({*names.get(person, ()), *(found - staying)})


def joined_names(delivery: Delivery) -> set[str]:
    """By what the ledger may know those who join with this batch."""
    found = {name for names in delivery.progress.joined.names.values() for name in names}
    for person, intent in delivery.intents.items():
        if intent.membership == "add" and person not in delivery.progress.rejected:
            mapped = delivery.people.written(intent)
            own = members.identity(mapped.attributes) if isinstance(mapped, Profile) else None
            found |= {own} if own else set()
    return found


def names_going(delivery: Delivery, persons: Iterable[int]) -> set[str]:
    """By what the ledger knows those of the leavers whom a snapshot takes off."""
    return {_own(delivery, person) for person in persons if delivery.people.is_member(delivery.intents[person].indexes)}


def without_members(
    delivery: Delivery, theirs: Theirs, found: Mapping[str, FoundProfile], going: set[str]
) -> dict[int, Sequence[str]]:
    """The profiles of each leaver, but for those that stay on the list. `going`: names of all members who leave.

    A snapshot takes off a member, and not the person: a profile that is another member's as well, or joins under
    another identifier, is on the list rightly. So it is where the ledger had two names for it.
    """
    leaving = {person for person in theirs if delivery.people.is_member(delivery.intents[person].indexes)}
    if not leaving:
        return {**theirs}
    names = {each: {*of_profile(found[each])} - going for person in leaving for each in theirs[person]}
    staying = joined_names(delivery) | in_ledger(delivery, {name for each in names.values() for name in each})
    kept: dict[int, Sequence[str]] = {}
    for person, ids in theirs.items():
        left = [each for each in ids if person not in leaving or names[each].isdisjoint(staying)]
        if left or not ids:
            kept[person] = left
    return kept


def _own(delivery: Delivery, person: int) -> str:
    named = dict(delivery.people.named(delivery.intents[person].indexes))
    known = {"email": named.get("email"), "external_id": named.get("external_id"), "phone_number": named.get("phone")}
    return str(members.identity(known))


def in_ledger(delivery: Delivery, names: Iterable[str]) -> set[str]:
    """Those of the names that are members."""
    by_bucket: dict[int, set[str]] = {}
    for name in names:
        by_bucket.setdefault(members.bucket_of(name), set()).add(name)
    known = members.read(delivery.redis, delivery.batch.queue, by_bucket)
    return {name for number, bucket in known.items() for name in by_bucket[number] if name in bucket.members}


class _Memory(NamedTuple):
    """What is remembered of these people. `hashed`: of each identifier."""

    hashed: Mapping[Named, bytes]
    holders: Mapping[bytes, Sequence[Holder]]
    known: Mapping[bytes, RememberedPerson]

    def of(self, named: Named) -> RememberedPerson | None:
        """The person whom an identifier names."""
        return self.known.get(self.hashed[named])

    def profiles(self, wanted: Iterable[Named], moving: Iterable[Named], but: Collection[bytes]) -> set[str]:
        """Of the people who were delivered under these, but for those for whom another of the CDP's ids stands, too.

        And but for the people `but`.
        """
        tokens = {own_token(self.hashed[each]) for each in moving}
        having = {holder.person for each in wanted for holder in self.holders.get(self.hashed[each], ())}
        theirs = [self.known[each] for each in having if each in self.known and each not in but]
        return {each.profile_id for each in theirs if each.own <= tokens}


def known_leavers(delivery: Delivery, persons: Sequence[int]) -> tuple[dict[int, Leaver], list[tuple[str, bytes]]]:
    """By person of the batch; and the profiles that were delivered, with whom (hash). Raises redis.RedisError."""
    named = {person: _named(delivery, person) for person in persons}
    memory = _recalled(delivery, {each for some in named.values() for each in some})
    leavers = {person: _leaver(delivery, person, some, memory) for person, some in named.items()}
    return leavers, [(each.profile_id, person) for person, each in memory.known.items()]


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


def _recalled(delivery: Delivery, named: Iterable[Named]) -> _Memory:
    memory = delivery.identities
    hashed = {each: memory.hash(each) for each in named}
    holders = memory.holders([value for each, value in hashed.items() if each[0] != EMAIL])
    people = {holder.person for having in holders.values() for holder in having}
    return _Memory(hashed, holders, memory.people([*people.union(hashed.values())]))


def _leaver(delivery: Delivery, person: int, named: Sequence[Named], memory: _Memory) -> Leaver:
    indexes, people = delivery.intents[person].indexes, delivery.people
    is_member = people.is_member(indexes)
    address = next((each for each in named if each[0] == EMAIL), None)
    moving = set() if is_member else {each for i in indexes for each in people.said(i).moving} & {*named}
    # A snapshot takes off a member under the one name that the membership ledger has.
    name = next(iter(named), None) if is_member else address
    mine = memory.of(name) if name else None
    others = [each for each in named if each not in moving and _leads(each, named)]
    spared = {hash_of(delivery.identities, name) for i in indexes for name in people.said(i).spared}
    return Leaver(
        email=address[1] if address else "",
        phones=frozenset(value for kind, value in named if kind == PHONE),
        external_ids=frozenset(value for kind, value in named if kind == EXTERNAL_ID),
        delivered=frozenset({mine.profile_id if mine else "", *memory.profiles(moving, moving, spared)} - {""}),
        by_ids=frozenset() if is_member else frozenset(memory.profiles(others, moving, spared) - {""}),
        is_known=not is_member and mine is not None,
        is_member=is_member,
    )


def _leads(named: Named, among: Iterable[Named]) -> bool:
    """A phone leads to somebody only where nothing better is known."""
    return named[0] not in (EMAIL, PHONE) or all(kind == PHONE for kind, _ in among)
