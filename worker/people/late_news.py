"""Finds membership changes that are older than one of the same person in an earlier batch (queues/people).

It also finds people who joined under a new e-mail, and so leave under their earlier ones (rule 1 of `identity`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from identity.holding import Before, ChangeIdentity
from identity.identifiers import EMAIL, EXTERNAL_ID, Named
from queues.clock import now_ms
from queues.people import lateness
from queues.people.identity_tokens import RememberedPerson, audience_token, own_token
from queues.people.lateness import Newest
from worker.delivery import Delivery
from worker.people.batch_people import People
from worker.people.holding import StoredHolders, stored


class MovedEmail(NamedTuple):
    """An earlier e-mail of a person who joined under a new one.

    `person`, `by`: hashes of the earlier person and of the ids. `joined`: index of the person who joined. `stays`: the
    earlier e-mail is still on another list.
    """

    person: bytes
    by: frozenset[bytes]
    profile_id: str
    joined: int
    stays: bool


def moved_away(delivery: Delivery, before: StoredHolders | None = None) -> list[MovedEmail]:
    """Return the earlier e-mails on this list, except an e-mail that also belongs to another of the CDP's ids.

    `before`: the stored holders, if they have been read already.
    """
    memory, people, queue = delivery.identities, delivery.people, delivery.batch.queue
    joined = [
        (person, people.said(i))
        for person, intent in delivery.intents.items()
        if intent.membership == "add" and person not in delivery.progress.rejected
        for i in intent.indexes
        if people.who(i).email and people.said(i).action == "add" and not people.said(i).late
    ]
    ids: dict[bytes, tuple[frozenset[bytes], int]] = {}
    for person, said in sorted(joined, key=lambda each: each[1].at):
        hashed = frozenset(memory.hash(named) for named in said.moving)
        ids |= dict.fromkeys(hashed, (hashed, person))
    if not ids:
        return []
    before = before or stored(delivery, (), {each for _, said in joined for each in said.moving})
    here = {memory.hash((EMAIL, said.who.email)) for _, said in joined}
    told = _told_elsewhere(delivery, before, {each for _, said in joined for each in said.moving})
    earlier = {
        each.person: ids[by]
        for by in ids
        for each in before.having.get(by, ())
        if each.person not in here and (by, each.person) not in told
    }
    # All ids of these e-mails have moved away or left in the batch.
    on_this, moved = audience_token(queue), {own_token(each, queue) for each in {*ids, *_left(delivery)}}
    return [
        MovedEmail(hashed, by, each.profile_id, joiner, each.audiences != {on_this})
        for hashed, (by, joiner) in earlier.items()
        if (each := before.known.get(hashed))
        and each.profile_id
        and on_this in each.audiences
        and each.own_in(queue, moved) <= moved
    ]


def _told_elsewhere(delivery: Delivery, before: StoredHolders, moving: Iterable[Named]) -> set[tuple[bytes, bytes]]:
    """Return external ids with people who got them from another source, whose ids do not have one e-mail at a time."""
    memory, queue = delivery.identities, delivery.batch.queue
    external = {memory.hash(each) for each in moving if each[0] == EXTERNAL_ID}
    if delivery.to.identity.email_change == "move":
        return set()
    return {
        (by, each.person)
        for by in external
        for each in before.having.get(by, ())
        if own_token(by, queue) not in before.known.get(each.person, RememberedPerson()).own_as([own_token(by, queue)])
    }


def _left(delivery: Delivery) -> Iterable[bytes]:
    """Return the hashes of the ids with one e-mail at a time that leave and do not join again."""
    newest: dict[Named, tuple[tuple[int, int], str]] = {}
    for i in (i for intent in delivery.intents.values() for i in intent.indexes):
        said = delivery.people.said(i)
        for named in said.moving if said.action in _MEMBERSHIP and not said.late else ():
            newest[named] = max(newest.get(named, ((0, -1), "")), ((said.at, i), said.action))
    return [delivery.identities.hash(named) for named, (_, action) in newest.items() if action == "remove"]


_MEMBERSHIP = ("add", "remove")


class Late(NamedTuple):
    """The late membership changes of a batch.

    `changes`: indexes of late changes. `spared`: the people for whom a removal by an id is late, when it is not late
    for others who have the id.
    """

    changes: set[int]
    spared: dict[int, list[Named]]


def find(delivery: Delivery, people: People) -> Late:
    """Return the membership changes older than one of their person in an earlier batch.

    A replay is late only if its id was delivered with a newer change or removed by one: a newer change may be dead too.
    """
    changes, found = delivery.batch.changes, Late(set(), {})
    asked = [i for i, each in enumerate(changes) if each.body.action in _MEMBERSHIP]
    if delivery.batch.queue.kind != "audience" or not asked:
        return found
    said = {i: people.said(i) for i in asked}
    before = people.facts.before()
    meant = {i: people.facts.meant.get(i) or _meant(i, each, before) for i, each in said.items()}
    named = {name for each in said.values() for name in each.who.named}
    known = _Known(delivery, named.union(*meant.values()))
    replayed = {i for i in asked if changes[i].body.replayed}
    found.changes.update(_late_replays(delivery, {i: said[i] for i in replayed}, known))
    for i, each in ((i, each) for i, each in said.items() if i not in replayed):
        spared = [name for name in meant[i] if each.at < known.newest_of(name, each)]
        if each.at < known.newest(each, meant[i]) or (spared and len(spared) == len(meant[i])):
            found.changes.add(i)
        elif spared:
            found.spared[i] = spared
    return found


def _late_replays(delivery: Delivery, said: Mapping[int, ChangeIdentity], known: _Known) -> Iterable[int]:
    memory = delivery.identities
    moving = {memory.hash(named) for each in said.values() for named in each.moving}
    having = memory.holders(list(moving)) if moving else {}
    for i, each in said.items():
        me = memory.hash(each.who.name) if each.who.email and each.who.name else b""
        newest = [known.of(named).alone for named in each.who.named if named[0] != EMAIL]
        for named in (named for named in each.moving if each.at < known.of(named).any):
            newest += [one.at for one in having.get(memory.hash(named), ()) if one.person != me]
        if each.at < max([0, *newest]):
            yield i


def _meant(index: int, said: ChangeIdentity, before: Before) -> list[Named]:
    """Return the people of earlier batches whom a change without an e-mail means."""
    if said.who.email or said.exact:
        return []
    return list(dict.fromkeys(name for each in said.leading for name in before.having(index, each)))


_NEVER: Final = Newest()


class _Known:
    """The known times of people and identifiers."""

    def __init__(self, delivery: Delivery, asked: Iterable[Named]) -> None:
        self._hashed = {name: delivery.identities.hash_of(name) for name in asked}
        hashes = set(self._hashed.values())
        self._times = lateness.recall(delivery.redis, delivery.batch.queue, hashes, now_ms())

    def of(self, name: Named) -> Newest:
        return self._times.get(self._hashed[name], _NEVER)

    def newest_of(self, name: Named, said: ChangeIdentity) -> int:
        """Return a person's newest time. A change by one of several ids of an e-mail is not late for another."""
        times = self.of(name)
        return times.alone if said.moving else times.any

    def newest(self, said: ChangeIdentity, meant: Sequence[Named]) -> int:
        """Return the newest time for the name, for ids with one e-mail at a time, and of removals by other identifiers.

        For other identifiers that mean people (`meant`) only the times of removals count.
        """
        if said.who.email:
            name, asked, others = self.newest_of(said.who.named[0], said), said.moving, said.who.named[1:]
        else:
            name, asked, others = 0, said.moving.union(() if meant else said.leading), said.leading
        return max([name, *(self.of(each).any for each in asked), *(self.of(each).alone for each in others)])


def keep_times(delivery: Delivery, moved: Iterable[MovedEmail]) -> None:
    """Record the times of the batch, for every outcome. `moved`: people who leave under an earlier e-mail.

    Changes of ambiguous people are ignored.
    """
    queue, times = delivery.batch.queue, _Times(delivery)
    if queue.kind != "audience":
        return
    for person, intent in delivery.intents.items():
        if not intent.ambiguous:
            times.note_all(delivery.hash_of(person), (*intent.indexes, *intent.leaves))
    for each in moved:
        times.note_all(each.person, delivery.intents[each.joined].indexes)
    lateness.note(delivery.redis, queue, times.newest, now_ms())


class _Times:
    """The newest times of people and identifiers in a batch, by their hashes."""

    def __init__(self, delivery: Delivery) -> None:
        self.newest: dict[bytes, Newest] = {}
        self._delivery = delivery
        self._before = delivery.people.facts.before()

    def note_all(self, person: bytes, indexes: Iterable[int]) -> None:
        memory, people = self._delivery.identities, self._delivery.people
        for i in indexes:
            said = people.said(i)
            if said.action not in _MEMBERSHIP:
                continue
            ids = {memory.hash(each) for each in said.who.named}
            names = people.facts.meant.get(i) or _meant(i, said, self._before)
            meant = {memory.hash_of(name) for name in names}
            times, alone = Newest(said.at), Newest(said.at, said.at)
            for hashed in {person, *ids, *meant}:
                self._note(hashed, times)
            for hashed in self._alone(said, {person, *meant}):
                self._note(hashed, alone)

    def _alone(self, said: ChangeIdentity, people: Iterable[bytes]) -> Iterable[bytes]:
        """Return the people and identifiers that a change names alone (`Newest.alone`)."""
        memory, is_removal = self._delivery.identities, said.action == "remove"
        if is_removal and not said.who.email:
            yield from map(memory.hash, said.leading)
        if not said.moving:
            yield from people if is_removal else ()
            yield from (memory.hash(each) for each in said.who.named[:1] if each[0] == EMAIL)

    def _note(self, hashed: bytes, times: Newest) -> None:
        before = self.newest.get(hashed)
        newer = times if before is None else Newest(max(before.any, times.any), max(before.alone, times.alone))
        self.newest[hashed] = newer
