"""A remote Ferry, over its API, for the operator's commands (installation.py)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Final

from ops.actions import FlushRequest, FlushRequests, Released
from ops.audit_format import EntryDocument
from ops.client.http import Calls, portions
from ops.client.refusals import ConflictError, understood
from ops.connections.found import ConnectionDocument
from ops.dead_letters.selecting import LetterQuery, age, check_id
from ops.dead_letters.view import LetterDocument
from ops.documents.answers import (
    AuditAnswer,
    ConnectionsAnswer,
    FlushAnswer,
    HoldAnswer,
    HoldsAnswer,
    LettersAnswer,
    QueueAnswer,
    ReleaseAnswer,
    ReplayAnswer,
)
from ops.documents.fields import ms_or_none
from ops.documents.ledger import CensusDocument
from ops.errors import Failed
from ops.status_rows import RowChoice
from ops.status_words import SHOWN
from ops.targets import find_queue
from queues.census import Census
from queues.dead_letters import Replayed
from queues.names import Queue
from queues.queue_rows import NamedQueue
from text.wording import ms_of

#: Letters or entries in one answer, the most that the API gives.
_PAGE: Final = 500
#: Most queues that are read by a request for each, instead of all in one.
_SINGLY: Final = 20
#: Targets that a path cannot contain.
_NO_ADDRESS: Final = (".", "..")


class RemoteClient:
    """A remote Ferry. Every call may raise Failed and click.UsageError; Failed also for an unknown answer format."""

    #: Seconds between two censuses of a command that waits: the server takes one per second.
    every_s = 1.0

    def __init__(self, url: str) -> None:
        """Raises Misconfigured for a URL or a FERRY_TOKEN that must not be used."""
        self._calls = Calls(url)

    def close(self) -> None:
        """Close the connection."""
        self._calls.close()

    def census(self) -> Census:
        """Return the census of the ledger, at most a second old."""
        with self._understood():
            return self._calls.get(CensusDocument, "/v1/queues").read()

    def summary(self, choice: RowChoice | None = None) -> Census:
        """Return the totals of all queues; of the queues, those in trouble and those chosen, at least."""
        wanted = choice or RowChoice(limit=1)
        if (wanted.limit or 0) > _PAGE:
            return self.census()
        given = {"state": wanted.state, "sort": wanted.sort, "limit": wanted.limit or SHOWN}
        asked = {name: value for name, value in given.items() if value is not None}
        with self._understood():
            return self._calls.get(CensusDocument, "/v1/queues", status="true", **asked).read()

    def some(self, queues: Collection[Queue]) -> Census:
        """Return the census of these queues. Raises Failed for one that does not exist, if they are few."""
        if len(queues) > _SINGLY or any(queue.target in _NO_ADDRESS for queue in queues):
            census = self.census()
            counts = [count for count in census.queues if count.queue in queues]
        else:
            census = self.summary()
            with self._understood():
                paths = [_path(queue) for queue in sorted(queues)]
                counts = [self._calls.get(QueueAnswer, path, limit=1).queue.read() for path in paths]
        connections = {queue.connection for queue in queues}
        shared = {name: values for name, values in census.shared.items() if name in connections}
        return replace(census, queues=tuple(counts), kept=None, shared=shared)

    def meant(self, given: str) -> Sequence[NamedQueue]:
        """Return the queues that a person may mean by a name, or all."""
        with self._understood():
            return self._calls.get(CensusDocument, "/v1/queues", named=given).read().queues

    def connection_names(self) -> set[str]:
        """Return the connections that are configured or were added."""
        with self._understood():
            return {each.name for each in self._calls.get(ConnectionsAnswer, "/v1/connections").connections}

    def confirmations(self) -> Mapping[str, int]:
        """Return by held connection the number of probes that found the cause unchanged."""
        with self._understood():
            held = self._calls.get(HoldsAnswer, "/v1/holds").holds
            return {each.held: each.probes for each in held if each.kind == "connection"}

    def connections(self) -> list[ConnectionDocument]:
        """Return a document for each connection, with its key tested in Klaviyo."""
        with self._understood():
            return self._calls.get(ConnectionsAnswer, "/v1/connections", check="true").connections

    def flush(self, queues: Sequence[Queue]) -> FlushRequests:
        """Flush these queues."""
        with self._understood():
            parts = portions(str(queue) for queue in queues)
            return _asked([self._calls.post(FlushAnswer, "/v1/flush", {"queues": part}) for part in parts])

    def hold(self, on: Queue | str, reason: str) -> bool:
        """Hold a queue or a connection; return False if it is already held."""
        with self._understood():
            return self._calls.post(HoldAnswer, f"{_path(on)}/hold", {"reason": reason}).placed

    def release(self, on: Queue | str, force: bool) -> Released:
        """End a hold, unless its cause remains and `force` is False."""
        with self._understood():
            try:
                ended = self._calls.post(ReleaseAnswer, f"{_path(on)}/release", {"force": force})
            except ConflictError as fault:
                return Released(False, fault.message)
            return Released(ended.released, ended.still, ended.snapshot)

    def letters(self, wanted: LetterQuery) -> Iterator[LetterDocument]:
        """Yield summaries of dead letters."""
        filters = self._filters(wanted) | {"limit": _PAGE, "since": wanted.since}
        more: dict[str, Any] = {}
        while True:
            with self._understood():
                page = self._calls.get(LettersAnswer, "/v1/dead", **filters, **more)
                yield from page.letters
                if page.next is None:
                    return
                more = {"after": page.next}

    def letter(self, letter_id: str, queue: str | None, personal_data: bool) -> LetterDocument:
        """Return one letter."""
        asked = {"personal_data": "true"} if personal_data else {}
        with self._understood():
            return self._calls.get(LetterDocument, self._letter(letter_id, queue), **asked)

    def replay(self, wanted: LetterQuery) -> Replayed:
        """Put dead letters back into their queues."""
        for letter_id in wanted.ids:
            check_id(letter_id)
        which: dict[str, Any] = {"all": True} if wanted.everything else self._filters(wanted)
        if wanted.ids:
            which["ids"] = list(wanted.ids)
        with self._understood():
            done = self._calls.post(ReplayAnswer, "/v1/dead/replay", which)
            return Replayed(done.replayed, done.stayed)

    def confirm(self, letter_id: str, queue: str | None) -> Replayed:
        """Confirm that the profiles in an erasure's letter are the person's."""
        with self._understood():
            done = self._calls.post(ReplayAnswer, f"{self._letter(letter_id, queue)}/confirm", {})
            return Replayed(done.replayed, done.stayed)

    def _letter(self, letter_id: str, queue: str | None) -> str:
        """Return the path of a letter; `queue` may be None."""
        check_id(letter_id)
        found = self._calls.get(LettersAnswer, "/v1/dead", **self._filters(LetterQuery(queue=queue)), id=letter_id)
        (summary,) = found.letters
        return f"/v1/dead/{_address(Queue.parse(summary.queue))}/{letter_id}"

    def audit(self, limit: int) -> list[EntryDocument]:
        """Return the last entries of the audit log, newest first."""
        found: list[EntryDocument] = []
        more: dict[str, Any] = {}
        with self._understood():
            while len(found) < limit:
                page = self._calls.get(AuditAnswer, "/v1/audit", limit=min(_PAGE, limit - len(found)), **more)
                found += page.entries
                if page.next is None:
                    break
                more = {"before": page.next}
        return found

    def _filters(self, wanted: LetterQuery) -> dict[str, Any]:
        """Return the filters for the API, which accepts a queue only by its id."""
        queue = find_queue(wanted.queue, self.meant(wanted.queue)) if wanted.queue is not None else None
        given = {
            "queue": queue and str(queue),
            "reason": wanted.reason,
            "older_than": age(wanted.older_ms) if wanted.older_ms else None,
        }
        return {name: value for name, value in given.items() if value is not None}

    def _understood(self) -> AbstractContextManager[None]:
        return understood(self._calls.url)


def _asked(answers: Sequence[FlushAnswer]) -> FlushRequests:
    """Return what a flush requested, from one or several answers."""
    flushes = [
        FlushRequest(Queue.parse(each.queue), each.asked, each.upto, ms_or_none(each.launches_at))
        for answer in answers
        for each in answer.queues
    ]
    return FlushRequests(min((ms_of(answer.at) for answer in answers), default=0), flushes)


def _path(on: Queue | str) -> str:
    return f"/v1/queues/{_address(on)}" if isinstance(on, Queue) else f"/v1/connections/{on}"


def _address(queue: Queue) -> str:
    """Return the queue's part of a path. Raises Failed for `.` and `..`, which a path cannot contain."""
    if queue.target in _NO_ADDRESS:
        raise Failed(
            f"{queue} has no address over HTTP: use `ferry` on the machine that runs Ferry, or name its connection"
        )
    return str(queue)
