"""Subjects: whom an erasure is about, learned from the request, from what waits, and from earlier deliveries."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial
from typing import Final, NamedTuple, Protocol

from redis import Redis

from identity import erasing, tracing
from identity.erasing import Trace
from identity.identifiers import EMAIL, Identifiers, Named, key_of
from identity.tracing import TracedChange
from mappings import stored
from mappings.person import Person
from queues import batches, erasure, pending, undecided_erasures
from queues.batches import Batch
from queues.change import Change, decode
from queues.clock import now_ms
from queues.erasure import BatchPosition
from queues.names import Queue
from queues.people.identities import Identities, shared_values
from queues.undecided_erasures import Confirmed
from worker.delivery import LEASE_MS
from worker.errors import guarded
from worker.people.batch_people import People
from worker.progress import ErasureSubject, Progress, Rejection

#: What an open batch of another kind passes on is found in the queue of consents, which is therefore looked at last.
_LAST: Final = "consent"


class ErasureLedger(Protocol):
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


class StoredChange(NamedTuple):
    """A change that carries a key of a subject's, and where it stands: `pending` its stored form, `letter` its id."""

    queue: Queue
    change: Change
    read: TracedChange
    pending: bytes = b""
    letter: str = ""
    place: BatchPosition | None = None

    @property
    def trace(self) -> Trace:
        """Whose it is."""
        return self.read.trace


class SubjectFinder:
    """Reads what the queues of a connection hold of somebody."""

    def __init__(self, ledger: ErasureLedger) -> None:
        self.ledger = ledger
        self.queues = _queues(ledger)
        self._any_shared = bool(shared_values(ledger.redis, [ledger.batch.queue.connection]))
        self._shared: dict[Named, bool] = {}

    def request(self, index: int) -> TracedChange:
        """The person of an erasure, as the request names them."""
        found = self._read(self.ledger.batch.queue, self.ledger.batch.changes[index])
        # Segment's own id of an older request is in its keys alone.
        own = [("user_id", value) for kind, value in found.trace.who.named if kind == "external_id"]
        trace = tracing.with_ids(found.trace, self.ledger.batch.changes[index].keys, own)
        keys_by = {named: key_of(named) for named in trace.who.named if named in own}
        return found._replace(trace=trace, keys_by=found.keys_by | keys_by)

    def look(self, queues: Iterable[Queue], subject: ErasureSubject) -> list[StoredChange]:
        """Everything there that carries one of the subject's keys."""
        ids = [(kind, value) for kind, value, _ in subject.ids]
        return [
            entry._replace(read=entry.read._replace(trace=tracing.with_ids(entry.trace, entry.change.keys, ids)))
            for queue in queues
            for entry in self._entries(queue, subject.keys)
        ]

    def _entries(self, queue: Queue, keys: Collection[str]) -> list[StoredChange]:
        ledger = self.ledger
        batches.renew(ledger.redis, ledger.batch, now_ms(), LEASE_MS)  # to read a long queue takes its time
        carried = erasure.carried(ledger.redis, queue, keys)
        read = partial(self._read, queue)
        waiting = [(decode(each), each) for each in carried.pending]
        return [
            *(StoredChange(queue, change, read(change), pending=each) for change, each in waiting),
            *(StoredChange(queue, each.change, read(each.change), letter=each.id) for each in carried.letters),
            *(StoredChange(queue, each.change, read(each.change), place=each) for each in carried.open),
        ]

    def _read(self, queue: Queue, change: Change) -> TracedChange:
        people, body = self.ledger.people, change.body
        where = f"batch {self.ledger.batch.id}"
        person = guarded(partial(stored.person, queue.kind, body.source, bytes(body.person)), where)
        whoever = Person() if isinstance(person, Rejection) else person
        return tracing.read(whoever, change.keys, people.rules, people.policy.blocked, self._is_shared)

    def _is_shared(self, named: Named) -> bool:
        if not self._any_shared or named[0] == EMAIL:
            return False
        if named not in self._shared:
            memory = self.ledger.identities
            self._shared[named] = bool(memory.shared([memory.hash(named)]))
        return self._shared[named]


def learn(finder: SubjectFinder, index: int) -> list[StoredChange]:
    """Note what is known of the subject of an erasure; what was found under the subject's keys.

    To be written down before anything is erased: what leads to more of the person is erased with the rest.
    """
    ledger = finder.ledger
    given, change = finder.request(index), ledger.batch.changes[index]
    subject = ledger.progress.subjects.setdefault(index, ErasureSubject())
    _add(subject, given.trace.who, given, change.keys)
    entries: list[StoredChange] = []
    # Once more under the keys of an e-mail, and of what came with it. No further: others may have these, too.
    for _ in range(2):
        subject.keys |= {key_of((EMAIL, each)) for each in subject.emails}
        known = set(subject.keys)
        entries = finder.look(finder.queues, subject)
        before = [each.trace for each in entries if each.change.accepted_at <= change.accepted_at]
        _find_email(ledger, subject, given.trace.who, before, undecided_erasures.confirmed(change))
        for entry in entries:
            if entry.trace.who.email in subject.emails:
                _add(subject, entry.trace.who, entry.read, entry.change.keys)
        if {key_of((EMAIL, each)) for each in subject.emails} | subject.keys == known:
            break
    subject.profiles |= _remembered(ledger, subject, given.trace.who)
    return entries


def _add(subject: ErasureSubject, who: Identifiers, read: TracedChange, keys: Iterable[str]) -> None:
    subject.emails |= {who.email} - {""}
    others = [named for named in who.named if named[0] != EMAIL]
    subject.ids |= {(*named, read.keys_by.get(named, "")) for named in others}
    under = {key for named in who.named for key in tracing.keys_under(named)}
    subject.keys |= {*keys, *under} - read.left_out


def _find_email(
    ledger: ErasureLedger, subject: ErasureSubject, who: Identifiers, traces: Iterable[Trace], confirmed: Confirmed
) -> None:
    """The e-mail that goes with the identifiers of somebody who named none, if there is exactly one.

    Decided once: who comes with the same identifiers meanwhile is somebody else, or a new beginning.
    """
    if who.email or who.wrong or subject.decided:
        return
    subject.decided = True
    memory, ids = ledger.identities, erasing.leading(who)
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


def _remembered(ledger: ErasureLedger, subject: ErasureSubject, who: Identifiers) -> set[str]:
    """The profiles under which the subject was delivered."""
    memory = ledger.identities
    named = [(EMAIL, each) for each in subject.emails] or erasing.leading(who)
    people = {*map(memory.hash, named), *map(bytes.fromhex, subject.known | subject.people)}
    return {known.profile_id for known in memory.people(list(people)).values()} - {""}


def _queues(ledger: ErasureLedger) -> list[Queue]:
    """Those of the connection: in another, which may be another company's, the same customer id is somebody else."""
    connection, kind = ledger.batch.queue.connection, ledger.batch.queue.kind
    found = [each for each in pending.all_queues(ledger.redis) if each.connection == connection and each.kind != kind]
    return sorted(found, key=lambda queue: (queue.kind == _LAST, queue))
