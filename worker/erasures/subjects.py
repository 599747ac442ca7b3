"""Subjects: whom an erasure is about, learned from the request, from what waits, and from earlier deliveries."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial
from typing import Final, NamedTuple, Protocol

from redis import Redis

from identity import erasing, tracing
from identity.erasing import Trace
from identity.identifiers import EMAIL, Identifiers, Named, key_of
from identity.tracing import Read
from mappings import stored
from mappings.person import Person
from queues import batches, erasure, looks, pending
from queues.batches import Batch
from queues.change import Change, decode
from queues.clock import now_ms
from queues.erasure import Place
from queues.looks import Confirmed
from queues.names import Queue
from queues.people.identities import Identities, shared_values
from worker.delivery import LEASE_MS
from worker.errors import guarded
from worker.people.batch_people import People
from worker.progress import Progress, Rejection, Subject

#: What an open batch of another kind passes on is found in the queue of consents, which is therefore looked at last.
_LAST: Final = "consent"


class Ground(Protocol):
    """What of a delivery is needed to take people out of the ledger: all but Klaviyo."""

    redis: Redis
    batch: Batch
    progress: Progress

    @property
    def people(self) -> People:
        """By the rules of the connection."""
        ...

    @property
    def identities(self) -> Identities:
        """What is remembered of people's identifiers in the connection."""
        ...


class Entry(NamedTuple):
    """A change that carries a key of a subject's, and where it stands: `pending` its stored form, `letter` its id."""

    queue: Queue
    change: Change
    read: Read
    pending: bytes = b""
    letter: str = ""
    place: Place | None = None

    @property
    def trace(self) -> Trace:
        """Whose it is."""
        return self.read.trace


class Seeker:
    """Reads what the queues of a connection hold of somebody."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.queues = _queues(ground)
        self._any_shared = bool(shared_values(ground.redis, [ground.batch.queue.connection]))
        self._shared: dict[Named, bool] = {}

    def request(self, index: int) -> Read:
        """The person of an erasure, as the request names them."""
        found = self._read(self.ground.batch.queue, self.ground.batch.changes[index])
        # Segment's own id of an older request is in its keys alone.
        own = [("user_id", value) for kind, value in found.trace.who.named if kind == "external_id"]
        trace = tracing.with_ids(found.trace, self.ground.batch.changes[index].keys, own)
        keys_by = {named: key_of(named) for named in trace.who.named if named in own}
        return found._replace(trace=trace, keys_by=found.keys_by | keys_by)

    def look(self, queues: Iterable[Queue], subject: Subject) -> list[Entry]:
        """Everything there that carries one of the subject's keys."""
        ids = [(kind, value) for kind, value, _ in subject.ids]
        return [
            entry._replace(read=entry.read._replace(trace=tracing.with_ids(entry.trace, entry.change.keys, ids)))
            for queue in queues
            for entry in self._entries(queue, subject.keys)
        ]

    def _entries(self, queue: Queue, keys: Collection[str]) -> list[Entry]:
        ground = self.ground
        batches.renew(ground.redis, ground.batch, now_ms(), LEASE_MS)  # to read a long queue takes its time
        carried = erasure.carried(ground.redis, queue, keys)
        read = partial(self._read, queue)
        waiting = [(decode(each), each) for each in carried.pending]
        return [
            *(Entry(queue, change, read(change), pending=each) for change, each in waiting),
            *(Entry(queue, each.change, read(each.change), letter=each.id) for each in carried.letters),
            *(Entry(queue, each.change, read(each.change), place=each) for each in carried.open),
        ]

    def _read(self, queue: Queue, change: Change) -> Read:
        people, body = self.ground.people, change.body
        where = f"batch {self.ground.batch.id}"
        person = guarded(partial(stored.person, queue.kind, body.source, bytes(body.person)), where)
        whoever = Person() if isinstance(person, Rejection) else person
        return tracing.read(whoever, change.keys, people.rules, people.policy.blocked, self._is_shared)

    def _is_shared(self, named: Named) -> bool:
        if not self._any_shared or named[0] == EMAIL:
            return False
        if named not in self._shared:
            memory = self.ground.identities
            self._shared[named] = bool(memory.shared([memory.hash(named)]))
        return self._shared[named]


def learn(seeker: Seeker, index: int) -> list[Entry]:
    """Note what is known of the subject of an erasure; what was found under the subject's keys.

    To be written down before anything is erased: what leads to more of the person is erased with the rest.
    """
    ground = seeker.ground
    given, change = seeker.request(index), ground.batch.changes[index]
    subject = ground.progress.subjects.setdefault(index, Subject())
    _add(subject, given.trace.who, given, change.keys)
    entries: list[Entry] = []
    # Once more under the keys of an e-mail, and of what came with it. No further: others may have these, too.
    for _ in range(2):
        subject.keys |= {key_of((EMAIL, each)) for each in subject.emails}
        known = set(subject.keys)
        entries = seeker.look(seeker.queues, subject)
        before = [each.trace for each in entries if each.change.accepted_at <= change.accepted_at]
        _find_email(ground, subject, given.trace.who, before, looks.confirmed(change))
        for entry in entries:
            if entry.trace.who.email in subject.emails:
                _add(subject, entry.trace.who, entry.read, entry.change.keys)
        if {key_of((EMAIL, each)) for each in subject.emails} | subject.keys == known:
            break
    subject.profiles |= _remembered(ground, subject, given.trace.who)
    return entries


def _add(subject: Subject, who: Identifiers, read: Read, keys: Iterable[str]) -> None:
    subject.emails |= {who.email} - {""}
    others = [named for named in who.named if named[0] != EMAIL]
    subject.ids |= {(*named, read.keys_by.get(named, "")) for named in others}
    under = {key for named in who.named for key in tracing.keys_under(named)}
    subject.keys |= {*keys, *under} - read.left_out


def _find_email(
    ground: Ground, subject: Subject, who: Identifiers, traces: Iterable[Trace], confirmed: Confirmed
) -> None:
    """The e-mail that goes with the identifiers of somebody who named none, if there is exactly one.

    Decided once: who comes with the same identifiers meanwhile is somebody else, or a new beginning.
    """
    if who.email or who.wrong or subject.decided:
        return
    subject.decided = True
    memory, ids = ground.identities, erasing.leading(who)
    emails = {memory.hash((EMAIL, each)): each for each in erasing.emails_with(ids, traces)}
    people = {*emails, *holders(memory, ids)} - {memory.hash(named) for named in ids}
    sure = {each for each in people if each.hex() in confirmed.people}
    if len(people) == 1 and not confirmed.people:
        sure = people
    subject.emails |= {emails[each] for each in sure if each in emails}
    subject.known |= {each.hex() for each in sure}
    subject.people = {each.hex() for each in people - sure}


def holders(memory: Identities, ids: Iterable[Named]) -> dict[bytes, set[bytes]]:
    """The people who were delivered under these identifiers, and are remembered -> the hashes of these identifiers."""
    found: dict[bytes, set[bytes]] = {}
    for identifier, having in memory.holders([memory.hash(named) for named in ids]).items():
        for each in having:
            found.setdefault(each.person, set()).add(identifier)
    known = memory.people(list(found))
    return {person: identifiers for person, identifiers in found.items() if person in known}


def _remembered(ground: Ground, subject: Subject, who: Identifiers) -> set[str]:
    """The profiles under which the subject was delivered."""
    memory = ground.identities
    named = [(EMAIL, each) for each in subject.emails] or erasing.leading(who)
    people = {*map(memory.hash, named), *map(bytes.fromhex, subject.known | subject.people)}
    return {known.profile_id for known in memory.people(list(people)).values()} - {""}


def _queues(ground: Ground) -> list[Queue]:
    """Those of the connection: in another, which may be another company's, the same customer id is somebody else."""
    connection, kind = ground.batch.queue.connection, ground.batch.queue.kind
    found = [each for each in pending.all_queues(ground.redis) if each.connection == connection and each.kind != kind]
    return sorted(found, key=lambda queue: (queue.kind == _LAST, queue))
