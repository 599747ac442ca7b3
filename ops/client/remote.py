"""A Ferry elsewhere, over its API: what the operator's commands ask of it (installation.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from ops.actions import Released
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
    ReleaseAnswer,
    ReplayAnswer,
)
from ops.documents.ledger import CensusDocument
from ops.errors import Failed
from ops.flush_request import FlushRequest, FlushRequests
from ops.targets import find_queue
from queues.census import Census
from queues.dead_letters import Replayed
from queues.names import Queue
from text.wording import ms_of

#: Letters and entries in one answer, as many as the API gives.
_PAGE: Final = 500


class RemoteClient:
    """Every call may raise Failed and click.UsageError; answers of another shape than Ferry's are Failed."""

    #: Seconds between two looks of somebody who waits: the census is taken once a second.
    every_s = 1.0

    def __init__(self, url: str) -> None:
        """Raises Misconfigured for a URL or a FERRY_TOKEN that must not be used."""
        self._calls = Calls(url)

    def close(self) -> None:
        """Close the connection."""
        self._calls.close()

    def census(self) -> Census:
        """What was in the ledger at most a second ago."""
        with self._understood():
            return self._calls.get(CensusDocument, "/v1/queues").read()

    def connection_names(self) -> set[str]:
        """The connections that are configured or were added."""
        with self._understood():
            return {each.name for each in self._calls.get(ConnectionsAnswer, "/v1/connections").connections}

    def confirmations(self) -> Mapping[str, int]:
        """Held connection -> probes that found the cause still there."""
        with self._understood():
            held = self._calls.get(HoldsAnswer, "/v1/holds").holds
            return {each.held: each.probes for each in held if each.kind == "connection"}

    def connections(self) -> list[ConnectionDocument]:
        """A document for each connection, its key tried with Klaviyo."""
        with self._understood():
            return self._calls.get(ConnectionsAnswer, "/v1/connections", check="true").connections

    def flush(self, queues: Sequence[Queue]) -> FlushRequests:
        """Ask for what waits in these queues."""
        with self._understood():
            parts = portions(str(queue) for queue in queues)
            return _asked([self._calls.post(FlushAnswer, "/v1/flush", {"queues": part}) for part in parts])

    def hold(self, on: Queue | str, reason: str) -> bool:
        """Stop a queue or a connection; False where it is held already."""
        with self._understood():
            return self._calls.post(HoldAnswer, f"{_path(on)}/hold", {"reason": reason}).placed

    def release(self, on: Queue | str, force: bool) -> Released:
        """End a hold unless its cause is still there and it is not forced."""
        with self._understood():
            try:
                ended = self._calls.post(ReleaseAnswer, f"{_path(on)}/release", {"force": force})
            except ConflictError as fault:
                return Released(False, fault.message)
            return Released(ended.released, ended.still, ended.snapshot)

    def letters(self, wanted: LetterQuery) -> Iterator[LetterDocument]:
        """Summaries of dead letters."""
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
        """One letter."""
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
        """Say that the profiles an erasure's letter names are the person's."""
        with self._understood():
            done = self._calls.post(ReplayAnswer, f"{self._letter(letter_id, queue)}/confirm", {})
            return Replayed(done.replayed, done.stayed)

    def _letter(self, letter_id: str, queue: str | None) -> str:
        """The address of a letter, whose queue may not be named."""
        check_id(letter_id)
        found = self._calls.get(LettersAnswer, "/v1/dead", **self._filters(LetterQuery(queue=queue)), id=letter_id)
        (summary,) = found.letters
        return f"/v1/dead/{_address(Queue.parse(summary.queue))}/{letter_id}"

    def audit(self, limit: int) -> list[EntryDocument]:
        """What was done last, newest first."""
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
        """The filters as the API takes them: a queue by its id alone."""
        queue = find_queue(wanted.queue, self.census().queues) if wanted.queue is not None else None
        given = {
            "queue": queue and str(queue),
            "reason": wanted.reason,
            "older_than": age(wanted.older_ms) if wanted.older_ms else None,
        }
        return {name: value for name, value in given.items() if value is not None}

    def _understood(self) -> AbstractContextManager[None]:
        return understood(self._calls.url)


def _asked(answers: Sequence[FlushAnswer]) -> FlushRequests:
    """What a flush asked for, in one answer or several."""
    flushes = [
        FlushRequest(Queue.parse(each.queue), each.asked, each.upto) for answer in answers for each in answer.queues
    ]
    return FlushRequests(min((ms_of(answer.at) for answer in answers), default=0), flushes)


def _path(on: Queue | str) -> str:
    return f"/v1/queues/{_address(on)}" if isinstance(on, Queue) else f"/v1/connections/{on}"


def _address(queue: Queue) -> str:
    """The queue in a path. Raises Failed for one that can be in none: `.` and `..` are taken for steps on the way."""
    if queue.target in (".", ".."):
        raise Failed(f"{queue} has no address over HTTP: use `ferry` on the machine that runs it, or its connection")
    return str(queue)
