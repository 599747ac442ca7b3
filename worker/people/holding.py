"""Holding: whose an id is once a batch is delivered. The newest that was told of it wins.

An mpid or user id stands for one e-mail at a time. Of external ids and phones a person has one at a time; who has
another one since held the former only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from identity.holding import ChangeIdentity
from identity.identifiers import Named
from queues.people.identities import Holder, RememberedPerson, audience_token, own_token
from worker.coalesce import Intent
from worker.delivery import Delivery

#: A change that is delivered: the CDP's time (ms), its number, and the hash of its person.
_Told = tuple[int, int, bytes]


class StoredHolders(NamedTuple):
    """What earlier batches left: the people of each identifier, and what is known of those of the moving ones."""

    having: Mapping[bytes, Sequence[Holder]]
    known: Mapping[bytes, RememberedPerson]


def stored(delivery: Delivery, identifiers: Iterable[Named], moving: Collection[Named]) -> StoredHolders:
    """Of these identifiers. Raises redis.RedisError."""
    memory = delivery.identities
    having = memory.holders([memory.hash(each) for each in {*identifiers, *moving}])
    people = {holder.person for each in moving for holder in having.get(memory.hash(each), ())}
    return StoredHolders(having, memory.people(list(people)))


def moving_of(delivery: Delivery) -> set[Named]:
    """The identifiers of the batch that have one e-mail at a time."""
    people = delivery.people
    return {each for i in range(len(people.changes)) for each in people.said(i).moving}


def note(delivery: Delivery, before: StoredHolders, ended: Collection[int]) -> None:
    """Keep under what everybody was delivered but for those `ended`, and for whom the moving ids stand now."""
    _Holding(delivery, before).note({p: intent for p, intent in delivery.intents.items() if p not in ended})


class _Holding:
    def __init__(self, delivery: Delivery, before: StoredHolders) -> None:
        self._delivery, self._memory, self._before = delivery, delivery.identities, before
        self._owners: dict[Named, bytes] = {}
        self._tellers: dict[Named, set[bytes]] = {}

    def note(self, intents: Mapping[int, Intent]) -> None:
        people, told = self._delivery.people, dict[int, bytes]()
        for person, intent in intents.items():
            if intent.membership != "remove" and intent.written:
                told |= dict.fromkeys(intent.indexes, self._delivery.hash_of(person))
                self._deliver_all(person, intent)
        for i in sorted(told, key=lambda i: (people.said(i).at, i)):
            self._own(people.said(i), told[i])
        self._settle()
        for person, intent in intents.items():
            if intent.membership == "remove":
                self._leave(person, intent)

    def _deliver_all(self, person: int, intent: Intent) -> None:
        people, hashed = self._delivery.people, self._delivery.hash_of(person)
        named = people.named(intent.indexes)
        kept = {*(named[1:] or named)}
        for i in sorted(intent.indexes, key=lambda i: (people.said(i).at, i)):
            for each in people.said(i).who.named:
                if each in kept:
                    self._deliver(people.said(i), each, hashed)

    def _deliver(self, said: ChangeIdentity, named: Named, person: bytes) -> None:
        before = [each.at for each in self._having(named) if each.person == person]
        if not said.late:
            return self._memory.deliver(person, named, max([said.at // 1000, *before]))
        if not before:
            # Never as new as what came before it, in the same second neither.
            self._memory.deliver(person, named, max(0, said.at // 1000 - 1), late=True)
        return None

    def _own(self, said: ChangeIdentity, person: bytes) -> None:
        """The newest telling of an id is that of its e-mail; who is told of without any has it besides."""
        for named in said.moving:
            self._tellers.setdefault(named, set()).add(person)
            newer = any(each.at > said.at // 1000 and each.person != person for each in self._having(named))
            if not said.who.email:
                self._memory.own(person, self._memory.hash(named))
            elif not said.late and not newer:
                self._owners[named] = person

    def _settle(self) -> None:
        owned: dict[bytes, set[bytes]] = {}
        for named, person in self._owners.items():
            self._memory.own(person, self._memory.hash(named))
            owned.setdefault(person, set()).add(self._token(named))
        for named, person in self._owners.items():
            others = {each.person for each in self._having(named)} | self._tellers[named]
            for other in others - {person}:
                lost = {self._token(each) for each, owner in self._owners.items() if owner != other}
                self._memory.disown(other, self._memory.hash(named))
                # Somebody else's now: the id leads there no more. Else it does until they have left every list.
                if (self._known(other).own | owned.get(other, set())) - lost:
                    self._memory.leave(other, self._memory.hash(named))

    def _leave(self, person: int, intent: Intent) -> None:
        """An id by which somebody has left stands for nobody on the list, where that is the only one."""
        on_this = {audience_token(self._delivery.batch.queue)}
        for named, other in self._left(person, intent):
            known = self._known(other)
            if named not in self._owners and self._token(named) in known.own and known.audiences <= on_this:
                self._memory.disown(other, self._memory.hash(named))

    def _left(self, person: int, intent: Intent) -> Iterator[tuple[Named, bytes]]:
        people = self._delivery.people
        for i in intent.indexes:
            if people.said(i).action == "remove" and not people.said(i).late:
                for named in people.said(i).moving:
                    yield from ((named, each.person) for each in self._having(named))

    def _having(self, named: Named) -> Sequence[Holder]:
        return self._before.having.get(self._memory.hash(named), ())

    def _known(self, person: bytes) -> RememberedPerson:
        return self._before.known.get(person, RememberedPerson())

    def _token(self, named: Named) -> bytes:
        return own_token(self._memory.hash(named))
