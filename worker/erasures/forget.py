"""Removes all data of a person from the ledger, and no data of anybody else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Final, TypeVar

from redis import exceptions as redis_errors

from identity import erasing
from identity.erasing import Trace
from identity.identifiers import EMAIL, EXTERNAL_ID, PHONE, Named, key_of
from klaviyo.client import Klaviyo
from klaviyo.errors import NotAccepted
from queues import audit, batches, erasure
from queues.change import Change
from queues.clock import now_ms
from queues.errors import LeaseLost
from queues.history import batches as history
from queues.names import Queue
from queues.people import consents, lateness
from queues.snapshots import members
from queues.snapshots.orders import KIND as SNAPSHOT
from worker import progress
from worker.delivery import LEASE_MS
from worker.erasures import blank
from worker.erasures.stored_changes import ErasureLedger, StoredChange, SubjectFinder
from worker.erasures.subjects import holders, learn
from worker.errors import guarded
from worker.progress import Rejection

log = logging.getLogger(__name__)

#: The user that the audit log shows for an erasure.
FERRY = "ferry"
#: The membership ledger's name for each identifier kind of the identity model.
_OF_MEMBERS = {EMAIL: "email", EXTERNAL_ID: "external_id", PHONE: "phone_number"}
#: Errors that stop the whole batch: Klaviyo, Redis, another worker. Any other error concerns one erasure only.
_OF_ALL: Final = (
    *(NotAccepted, LeaseLost, OSError),
    *(redis_errors.ConnectionError, redis_errors.TimeoutError, redis_errors.ResponseError),
)
Made = TypeVar("Made")


def forget(finder: SubjectFinder, indexes: Iterable[int], klaviyo: Klaviyo | None) -> dict[int, list[Queue]]:
    """Remove the people of these erasures from the ledger.

    Returns, by erasure, the queues whose open batches still hold something of the person. A failed erasure is rejected,
    and the others continue. `klaviyo`: None when it may not be asked whether an import is complete. Raises NotAccepted,
    LeaseLost.
    """
    ledger = finder.ledger
    found = {index: alone(ledger, index, partial(learn, finder, index)) for index in indexes}
    batches.submit(ledger.redis, ledger.batch, progress.dump(ledger.progress))
    busy = {
        index: alone(ledger, index, _Forgetting(finder, index, entries, klaviyo).run)
        for index, entries in found.items()
        if entries is not None
    }
    return {index: queues for index, queues in busy.items() if queues}


def alone(ledger: ErasureLedger, index: int, step: Callable[[], Made]) -> Made | None:
    """Return the result of a step of one erasure; on an error of this erasure only, reject it and return None."""
    found = guarded(step, f"batch {ledger.batch.id}", _OF_ALL, f"erasure {index}")
    if isinstance(found, Rejection):
        ledger.progress.rejected[index] = found
        return None
    return found


class _Forgetting:
    """The erasure of one person from the ledger."""

    def __init__(
        self, finder: SubjectFinder, index: int, entries: Sequence[StoredChange], klaviyo: Klaviyo | None
    ) -> None:
        self._finder, self._index, self._klaviyo = finder, index, klaviyo
        self._ledger = finder.ledger
        self._until = self._ledger.batch.changes[index].accepted_at
        self._noted = self._ledger.progress.subjects[index]
        ids = frozenset((kind, value) for kind, value, _ in self._noted.ids)
        self._subject = erasing.Subject(frozenset(self._noted.emails), ids, frozenset(self._noted.keys))
        self._others = self._taken(entries)
        free = set(erasing.naming(self._subject, self._others))
        self._named = [(EMAIL, each) for each in self._noted.emails]
        self._free = [(kind, value) for kind, value, _ in self._noted.ids if (kind, value) in free]
        keys = {(kind, value): key for kind, value, key in self._noted.ids if key}
        self._keys = {named: keys[named] for named in self._free if named in keys}

    @property
    def _hashes(self) -> set[bytes]:
        """Return the hashes of the person and of ids that are nobody else's."""
        memory = self._ledger.identities
        return {*map(memory.hash, [*self._named, *self._free]), *map(bytes.fromhex, self._noted.known)}

    def run(self) -> list[Queue]:
        """Remove the person, and return the queues that still hold something of the person."""
        redis, connection = self._ledger.redis, self._ledger.batch.queue.connection
        self._keep_out()
        busy = [queue for queue in self._finder.queues if self._is_left(queue)]
        consents.forget(redis, connection, [key_of(each) for each in self._named], self._keys.values())
        self._forget_identities()
        return busy

    def _keep_out(self) -> None:
        """Remove the person from the membership ledgers, and keep older snapshots from adding the person again."""
        named = [*self._named, *self._free]
        identities = [members.identity({_OF_MEMBERS[kind]: value}) for kind, value in named if kind in _OF_MEMBERS]
        keys = {key_of(each) for each in self._named}
        keys |= {key for named, key in self._keys.items() if erasing.keeps_out(self._subject, named)}
        self._renew()
        known = [each for each in identities if each]
        members.forget(self._ledger.redis, self._finder.queues, known, keys, self._until)

    def _is_left(self, queue: Queue) -> bool:
        """Remove the person from a queue; return whether an open batch holds more, or entries moved meanwhile."""
        redis = self._ledger.redis
        names = {*map(key_of, self._named), *self._keys.values()}
        entries = self._finder.look([queue], self._noted)
        others = self._others | erasing.taken(self._subject, _traces(entries))
        theirs = [each for each in entries if self._is_old(each.change) and self._is_theirs(each, others)]
        waiting, letters = [each.pending for each in theirs if each.pending], [x.letter for x in theirs if x.letter]
        erased = erasure.erase(redis, queue, waiting, letters, now_ms())
        opened = [each.place for each in theirs if each.place]
        is_open = bool(opened) and not blank.blank_out(redis, queue, opened, self._klaviyo)
        self._renew()  # a long history takes long, too
        in_history = history.forget(redis, queue, names, self._until)
        unreadable = [erasure.erase_unreadable(redis, [queue], each, self._until) for each in self._noted.emails]
        if queue.kind == "audience":
            lateness.forget(redis, queue, self._hashes, now_ms())
        self._note(queue, erased.pending, erased.letters + sum(unreadable), 0 if is_open else len(opened), in_history)
        return is_open or erased.pending < len(waiting) or erased.letters < len(letters)

    def _note(self, queue: Queue, pending: int, letters: int, opened: int, in_history: int) -> None:
        if not pending + letters + opened + in_history:
            return
        log.info(
            "batch %s: erasure %d took %d pending changes, %d dead letters and %d changes of open batches out of %s",
            self._ledger.batch.id,
            self._index,
            pending,
            letters,
            opened,
            queue,
        )
        counts = {"pending": pending, "letters": letters, "open": opened, "history": in_history}
        audit.note(self._ledger.redis, FERRY, "erased", queue, audit.DONE, **counts)

    def _is_old(self, change: Change) -> bool:
        """Return whether the change is older than the request for erasure; later changes are a new start.

        A snapshot's changes are as old as the snapshot, even when they were queued later.
        """
        return change.accepted_at <= self._until or (change.body.source == SNAPSHOT and change.body.at <= self._until)

    def _is_theirs(self, entry: StoredChange, others: Collection[Named]) -> bool:
        return erasing.is_theirs(self._subject, entry.trace, others)

    def _taken(self, entries: Sequence[StoredChange]) -> set[Named]:
        """Return the identifiers that somebody else's e-mail has, in these changes or in earlier deliveries."""
        memory, traces = self._ledger.identities, _traces(entries)
        ids = {*self._subject.ids, *(named for each in traces for named in erasing.leading(each.who))}
        hashed = {memory.hash(named): named for named in ids if named[0] != EMAIL}
        own = {*hashed, *(memory.hash((EMAIL, each)) for each in self._noted.emails)}
        own |= set(map(bytes.fromhex, self._noted.known))
        having = holders(memory, hashed.values())
        elsewhere = {hashed[each] for person, found in having.items() if person not in own for each in found}
        return elsewhere | erasing.taken(self._subject, traces)

    def _forget_identities(self) -> None:
        memory = self._ledger.identities
        for person in self._hashes:
            memory.forget(person, now_ms())
        memory.flush()

    def _renew(self) -> None:
        batches.renew(self._ledger.redis, self._ledger.batch, now_ms(), LEASE_MS)


def _traces(entries: Iterable[StoredChange]) -> list[Trace]:
    return [each.trace for each in entries]
