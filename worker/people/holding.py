"""Records who has each identifier after a batch is delivered; the newest change wins.

An mpid or user id belongs to one e-mail at a time. A person has one external id and one phone at a time: a newer value
replaces the former one. A value that too many people have at the same time is shared; of those who had it, some stay.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple

from identity.holding import ChangeIdentity
from identity.identifiers import EMAIL, OWN, Named
from identity.persons import Intent
from queues.clock import now_ms
from queues.people.identity_tokens import Holder, RememberedPerson, has_another, own_token, stands_for
from worker.delivery import Delivery, count_findings

log = logging.getLogger(__name__)

#: The number of people who are remembered for a value although they have another one by now.
FORMER: Final = 16
_UNKNOWN: Final = RememberedPerson()


class StoredHolders(NamedTuple):
    """The stored people of each identifier, and the known facts about the people of moving identifiers."""

    having: Mapping[bytes, Sequence[Holder]]
    known: Mapping[bytes, RememberedPerson]


def stored(
    delivery: Delivery, identifiers: Iterable[Named], moving: Collection[Named], others: Iterable[bytes] = ()
) -> StoredHolders:
    """Return the stored holders of these identifiers, and the facts of some `others`. Raises redis.RedisError."""
    memory = delivery.identities
    having = memory.holders([memory.hash(each) for each in {*identifiers, *moving}])
    people = {holder.person for each in moving for holder in having.get(memory.hash(each), ())}
    return StoredHolders(having, memory.people(list(people.union(others))))


def moving_of(delivery: Delivery) -> set[Named]:
    """Return the identifiers of the batch that have one e-mail at a time."""
    return {each for said in delivery.people.all_said for each in said.moving}


def note(delivery: Delivery, before: StoredHolders, ended: Collection[int]) -> None:
    """Record the identifiers of all people except those `ended`, and the current people of the moving ids."""
    _Holding(delivery, before).note({p: intent for p, intent in delivery.intents.items() if p not in ended})


class _Holding:
    def __init__(self, delivery: Delivery, before: StoredHolders) -> None:
        self._delivery, self._memory, self._before = delivery, delivery.identities, before
        self._queue, self._facts = delivery.batch.queue, delivery.people.facts.before()
        self._owners: dict[Named, bytes] = {}
        self._having_now: dict[Named, set[bytes]] = {}

    def note(self, intents: Mapping[int, Intent]) -> None:
        people, persons = self._delivery.people, dict[int, bytes]()
        for person, intent in intents.items():
            if intent.membership != "remove" and intent.written:
                persons |= dict.fromkeys(intent.indexes, self._delivery.hash_of(person))
                self._deliver_all(person, intent)
            elif intent.membership == "remove":
                # Under whichever e-mail somebody leaves: the one of an older change of this batch has the id no more.
                leaving = (i for i in intent.indexes if people.said(i).action == "remove" and not people.said(i).exact)
                persons |= dict.fromkeys(leaving, self._delivery.hash_of(person))
        for i in sorted(persons, key=lambda i: (people.said(i).at, i)):
            self._own(people.said(i), persons[i])
        self._settle()
        for intent in intents.values():
            self._leave(intent)
        for person in (person for person, intent in intents.items() if intent.membership == "remove"):
            for token in self._known(hashed := self._delivery.hash_of(person)).own_in(self._queue):
                self._memory.disown(hashed, token)

    def _deliver_all(self, person: int, intent: Intent) -> None:
        people, hashed = self._delivery.people, self._delivery.hash_of(person)
        named = people.named(intent.indexes)
        kept = {*(named[1:] or named)}
        if named[1:] and len(having := [*self._facts.having(intent.last, named[0])]) == 1:
            hashed = self._memory.hash_of(having[0])  # the values of a change by an id alone are its person's
        for said in map(people.said, intent.indexes):
            for each in said.who.named:
                if each in kept:
                    self._deliver(said, each, hashed)

    def _deliver(self, said: ChangeIdentity, named: Named, person: bytes) -> None:
        before = [each.at for each in self._having(named) if each.person == person]
        if not (said.late or self._has_newer(person, named, said.at)):
            return self._memory.deliver(person, named, max([said.at, *before]))
        if not before:
            # Of two equal times the later record is the newer one; this one is not.
            self._memory.deliver(person, named, max(0, said.at - 1), late=True)
        return None

    def _has_newer(self, person: bytes, named: Named, at: int) -> bool:
        """Return whether the person got the current value of that kind by a newer change of an earlier batch."""
        known = self._known(person)
        is_other = has_another(known, named[0], self._memory.hash(named))
        return is_other and self._memory.since(person, known, named[0]) > at

    def _own(self, said: ChangeIdentity, person: bytes) -> None:
        """Give an id to the e-mail of its newest change; people without an e-mail have it in addition."""
        if said.action == "remove":
            for named in () if said.late else said.moving:
                self._having_now.setdefault(named, set()).add(person)
                self._owners.pop(named, None)
            return
        for named in said.moving:
            self._having_now.setdefault(named, set()).add(person)
            newer = any(each.at > said.at and each.person != person for each in self._having(named))
            if not said.who.email:
                self._memory.own(person, self._memory.hash(named), self._queue)
            elif not said.late and not newer:
                self._owners[named] = person

    def _settle(self) -> None:
        owned: dict[bytes, set[bytes]] = {}
        for named, person in self._owners.items():
            self._memory.own(person, self._memory.hash(named), self._queue)
            owned.setdefault(person, set()).add(self._token(named))
        for named, person in self._owners.items():
            others = {each.person for each in self._having(named)} | self._having_now[named]
            for other in others - {person}:
                lost = {self._token(each) for each, owner in self._owners.items() if owner != other}
                self._memory.disown(other, self._token(named))
                # With other ids left and this one on no other list, this one leads there no more; otherwise it does
                # until they leave every list.
                left = (self._known(other).own_as(lost) | owned.get(other, set())) - lost
                if left and not any(stands_for(token, self._memory.hash(named)) for token in left):
                    self._memory.leave(other, self._memory.hash(named))

    def _leave(self, intent: Intent) -> None:
        """Disown the ids by which people left this list."""
        people = self._delivery.people
        for said in (people.said(i) for i in intent.indexes):
            for named in said.moving if said.action == "remove" and not said.late else ():
                if named not in self._owners:
                    others = {each.person for each in self._having(named)} | self._having_now.get(named, set())
                    for other in others:
                        self._memory.disown(other, self._token(named))

    def _having(self, named: Named) -> Sequence[Holder]:
        return self._before.having.get(self._memory.hash(named), ())

    def _known(self, person: bytes) -> RememberedPerson:
        return self._before.known.get(person, _UNKNOWN)

    def _token(self, named: Named) -> bytes:
        return own_token(self._memory.hash(named), self._queue)


def countable(delivery: Delivery, moving: Collection[Named]) -> set[Named]:
    """Return the identifiers of the batch, except the `moving` ones, that may be shared by too many e-mails."""
    people, kinds = delivery.people, (EMAIL, *OWN)
    found = (each for intent in delivery.intents.values() for i in intent.indexes for each in people.who(i).named)
    return {each for each in found if each[0] not in kinds and each not in moving}


def note_shared(delivery: Delivery, before: StoredHolders, countable: Collection[Named]) -> None:
    """Mark `countable` identifiers of too many current e-mails as shared: from then on they identify nobody."""
    memory, policy = delivery.identities, delivery.to.identity
    holders = _of_many(delivery, before, countable)
    if not holders:
        return
    hashed = {memory.hash(each): each for each in countable}
    known = memory.people(list(set().union(*holders.values())))
    for by, having in holders.items():
        people = [known[each] for each in having if each in known]
        current = sum(1 for each in people if each.audiences and not has_another(each, hashed[by][0], by))
        if current > policy.shared_after:
            memory.share(hashed[by], now_ms())
            count_findings(delivery.redis, delivery.batch.queue, {"shared_value": 1})
            log.warning(
                "batch %s: %d current e-mails have one value of %s; it identifies nobody from now on (%s)",
                delivery.batch.id,
                current,
                hashed[by][0],
                by[:4].hex(),
            )
    memory.flush()


def _of_many(delivery: Delivery, before: StoredHolders, countable: Collection[Named]) -> dict[bytes, set[bytes]]:
    """Return the people, stored and in the batch, of identifiers that more of them have than the policy allows."""
    memory, most = delivery.identities, delivery.to.identity.shared_after
    written = {p: delivery.people.named(intent.indexes) for p, intent in delivery.intents.items() if intent.written}
    here = Counter(chain.from_iterable(written.values()))
    hashed = {each: memory.hash(each) for each in countable}
    many = {each for each, by in hashed.items() if here[each] + len(before.having.get(by, ())) > most}
    if not many:  # nearly always; the people are only collected otherwise
        return {}
    found = {hashed[each]: {one.person for one in before.having.get(hashed[each], ())} for each in many}
    for person, named in written.items():
        for each in many.intersection(named):
            found[hashed[each]].add(delivery.hash_of(person))
    return {by: people for by, people in found.items() if len(people) > most}


def let_former_go(delivery: Delivery, before: StoredHolders, identifiers: Iterable[Named]) -> None:
    """Forget the oldest former people of values that many have had, so that nobody who has the value is dropped.

    `identifiers`: those of the batch that `before` was read for.
    """
    memory = delivery.identities
    kinds = {memory.hash(each): each[0] for each in identifiers}
    many = [by for by in kinds if len(before.having.get(by, ())) > FORMER]
    if not many:
        return
    having = memory.holders(many)
    known = memory.people(list({each.person for some in having.values() for each in some}))
    for by, some in having.items():
        former = [each for each in some if not _has(known, each.person, kinds[by], by)]
        for each in sorted(former, key=lambda one: one.at)[:-FORMER]:
            memory.leave(each.person, by)
    memory.flush()


def _has(known: Mapping[bytes, RememberedPerson], person: bytes, kind: str, by: bytes) -> bool:
    """Return whether a person has an identifier now: by an audience in which it stands for them, or as their newest."""
    one = known.get(person, RememberedPerson())
    if one.owns(by):
        return True
    return kind not in OWN and bool(one.audiences) and not has_another(one, kind, by)
