"""The stored changes of a connection that carry the keys of a person who asked to be erased."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial
from typing import Final, NamedTuple, Protocol

from redis import Redis

from identity import tracing
from identity.erasing import Trace
from identity.identifiers import EMAIL, Named, key_of
from identity.tracing import TracedChange
from mappings import sources
from mappings.person import Person
from queues import batches, erasure, pending
from queues.batches import Batch
from queues.change import Change, decode
from queues.clock import now_ms
from queues.erasure import BatchPosition
from queues.names import Queue
from queues.people.identities import Identities, shared_values
from worker.delivery import LEASE_MS
from worker.errors import guarded
from worker.people.batch_people import People
from worker.progress import ErasureSubject, Progress, Rejection

#: The consent queue is searched last, because open batches of other kinds may still pass consents on to it.
_LAST: Final = "consent"


class ErasureLedger(Protocol):
    """The parts of a delivery that an erasure in the ledger needs: everything except Klaviyo."""

    redis: Redis
    batch: Batch
    progress: Progress

    @property
    def people(self) -> People:
        """The people of the batch, read by the rules of the connection."""
        ...

    @property
    def identities(self) -> Identities:
        """The remembered identifiers of people in the connection."""
        ...


class StoredChange(NamedTuple):
    """A change with a subject's key and its place: `pending` is its stored form, `letter` the dead letter's id."""

    queue: Queue
    change: Change
    read: TracedChange
    pending: bytes = b""
    letter: str = ""
    place: BatchPosition | None = None

    @property
    def trace(self) -> Trace:
        """Return what the change tells of its person."""
        return self.read.trace


class SubjectFinder:
    """Finds the changes of a person in the queues of a connection."""

    def __init__(self, ledger: ErasureLedger) -> None:
        self.ledger = ledger
        self.queues = _queues(ledger)
        self._any_shared = bool(shared_values(ledger.redis, [ledger.batch.queue.connection]))
        self._shared: dict[Named, bool] = {}

    def request(self, index: int) -> TracedChange:
        """Return the person of an erasure as given in the request."""
        found = self._read(self.ledger.batch.queue, self.ledger.batch.changes[index])
        # Older requests have Segment's own id only in their keys.
        own = [("user_id", value) for kind, value in found.trace.who.named if kind == "external_id"]
        trace = tracing.with_ids(found.trace, self.ledger.batch.changes[index].keys, own)
        keys_by = {named: key_of(named) for named in trace.who.named if named in own}
        return found._replace(trace=trace, keys_by=found.keys_by | keys_by)

    def look(self, queues: Iterable[Queue], subject: ErasureSubject) -> list[StoredChange]:
        """Return every change in these queues that carries one of the subject's keys."""
        ids = [(kind, value) for kind, value, _ in subject.ids]
        return [
            entry._replace(read=entry.read._replace(trace=tracing.with_ids(entry.trace, entry.change.keys, ids)))
            for queue in queues
            for entry in self._entries(queue, subject.keys)
        ]

    def _entries(self, queue: Queue, keys: Collection[str]) -> list[StoredChange]:
        ledger = self.ledger
        batches.renew(ledger.redis, ledger.batch, now_ms(), LEASE_MS)  # reading a long queue takes long
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
        person = guarded(partial(sources.stored_person, queue.kind, body.source, bytes(body.person)), where)
        known = Person() if isinstance(person, Rejection) else person
        return tracing.read(known, change.keys, people.rules, people.policy.blocked, self._is_shared)

    def _is_shared(self, named: Named) -> bool:
        if not self._any_shared or named[0] == EMAIL:
            return False
        if named not in self._shared:
            memory = self.ledger.identities
            self._shared[named] = bool(memory.shared([memory.hash(named)]))
        return self._shared[named]


def _queues(ledger: ErasureLedger) -> list[Queue]:
    """Return the connection's queues. In another connection the same customer id may be another company's customer."""
    connection, kind = ledger.batch.queue.connection, ledger.batch.queue.kind
    found = [each for each in pending.all_queues(ledger.redis) if each.connection == connection and each.kind != kind]
    return sorted(found, key=lambda queue: (queue.kind == _LAST, queue))
