"""Late news: membership changes that are older than one of their person in an earlier batch (queues/people).

Moving: who joined under a new e-mail, and leaves the list under the earlier ones (rule 1 of `identity`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from identity.holding import ChangeIdentity
from identity.identifiers import EMAIL, Named
from queues.clock import now_ms
from queues.people import lateness
from queues.people.identities import audience_token, own_token
from queues.people.lateness import Newest
from worker.delivery import Delivery
from worker.people.batch_people import People
from worker.people.holding import StoredHolders, stored
from worker.people.recognizing import hash_of


class MovedEmail(NamedTuple):
    """An earlier e-mail of somebody who joined under a new one: the hashes of the person and of the ids, and the
    profile. `joined`: the index of the person who did. `stays`: the earlier one is on another list yet.
    """

    person: bytes
    by: frozenset[bytes]
    profile_id: str
    joined: int
    stays: bool


def moved_away(delivery: Delivery, before: StoredHolders | None = None) -> list[MovedEmail]:
    """Those of earlier batches on this list, but for an e-mail that another of the CDP's ids stands for, too.

    `before`: what those left, where it was read already.
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
    earlier = {each.person: ids[by] for by in ids for each in before.having.get(by, ()) if each.person not in here}
    # All ids of the batch have gone to other e-mails than these.
    on_this, moved = audience_token(queue), _tokens(ids)
    return [
        MovedEmail(hashed, by, each.profile_id, joiner, each.audiences != {on_this})
        for hashed, (by, joiner) in earlier.items()
        if (each := before.known.get(hashed)) and each.profile_id and on_this in each.audiences and each.own <= moved
    ]


def _tokens(hashed: Iterable[bytes]) -> set[bytes]:
    return {own_token(each) for each in hashed}


_MEMBERSHIP = ("add", "remove")
#: For identifiers of changes without an e-mail, the people of earlier batches who have them.
Elsewhere = Mapping[Named, Sequence[Named]]


class Late(NamedTuple):
    """`changes`: those that are late. `spared`: the people for whom a removal by an id comes late, and not for others
    who have the id.
    """

    changes: set[int]
    spared: dict[int, list[Named]]


def find(delivery: Delivery, people: People, elsewhere: Elsewhere) -> Late:
    """The membership changes that are older than what an earlier batch had of their person. Replays are never late."""
    changes, found = delivery.batch.changes, Late(set(), {})
    asked = [i for i, each in enumerate(changes) if each.body.action in _MEMBERSHIP and not each.body.replayed]
    if delivery.batch.queue.kind != "audience" or not asked:
        return found
    said = {i: people.said(i) for i in asked}
    meant = {i: _meant(each, elsewhere) for i, each in said.items()}
    named = {name for each in said.values() for name in each.who.named}
    known = _Known(delivery, named.union(*meant.values()))
    for i, each in said.items():
        spared = [name for name in meant[i] if each.at < known.of(name).any]
        if each.at < known.newest(each, meant[i]) or (spared and len(spared) == len(meant[i])):
            found.changes.add(i)
        elif spared:
            found.spared[i] = spared
    return found


def _meant(said: ChangeIdentity, elsewhere: Elsewhere) -> list[Named]:
    """The people of earlier batches for whom a change without an e-mail stands."""
    if said.who.email or said.exact:
        return []
    return list(dict.fromkeys(name for each in said.leading for name in elsewhere.get(each, ())))


class _Known:
    """The times that are known of people and identifiers."""

    def __init__(self, delivery: Delivery, asked: Iterable[Named]) -> None:
        self._hashed = {name: hash_of(delivery.identities, name) for name in asked}
        hashes = set(self._hashed.values())
        self._times = lateness.recall(delivery.redis, delivery.batch.queue, hashes, now_ms())

    def of(self, name: Named) -> Newest:
        return self._times.get(self._hashed[name], Newest())

    def newest(self, said: ChangeIdentity, meant: Sequence[Named]) -> int:
        """By the name, by an id that has one e-mail at a time, and by removals that another identifier stood for.

        An identifier that stands for people (`meant`) says nothing but by removals.
        """
        if said.who.email:
            asked, others = {said.who.named[0], *said.moving}, said.who.named[1:]
        else:
            asked, others = set(() if meant else said.leading), said.leading
        return max([0, *(self.of(each).any for each in asked), *(self.of(each).removed for each in others)])


def keep_times(delivery: Delivery, moved: Iterable[MovedEmail]) -> None:
    """Note the times of the batch, whatever became of its changes. `moved`: who leaves under an earlier e-mail.

    Changes of which nobody can tell whom they mean say nothing of anybody.
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
    """The newest times that a batch has of people and identifiers, by their hashes."""

    def __init__(self, delivery: Delivery) -> None:
        self.newest: dict[bytes, Newest] = {}
        self._delivery = delivery
        facts = delivery.people.facts
        self._elsewhere: Elsewhere = dict(facts.elsewhere)

    def note_all(self, person: bytes, indexes: Iterable[int]) -> None:
        memory, people = self._delivery.identities, self._delivery.people
        for i in indexes:
            said = people.said(i)
            if said.action not in _MEMBERSHIP:
                continue
            ids = {memory.hash(each) for each in said.who.named}
            meant = {hash_of(memory, name) for name in _meant(said, self._elsewhere)}
            for hashed in {person, *ids, *meant}:
                self._note(hashed, Newest(said.at))
            if said.action == "remove" and not said.who.email:
                for each in said.leading:
                    self._note(memory.hash(each), Newest(said.at, said.at))

    def _note(self, hashed: bytes, times: Newest) -> None:
        before = self.newest.get(hashed, Newest())
        self.newest[hashed] = Newest(max(before.any, times.any), max(before.removed, times.removed))
