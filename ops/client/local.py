"""The Ferry of this machine, over Redis: what the operator's commands ask of it (installation.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from redis import Redis

from configuration.settings import Settings
from ops import actions
from ops.actions import Released
from ops.audit_format import EntryDocument, document
from ops.connections import found as connections_found
from ops.connections.found import ConnectionDocument
from ops.dead_letters.selecting import LetterQuery, find, selected_letters
from ops.dead_letters.view import LetterDocument, summary, traceable, whole
from ops.flush_request import FlushRequests
from queues import audit, holds, pending
from queues.census import Census, take_census
from queues.dead_letters import Replayed
from queues.names import Queue


class LocalClient:
    """`who`: whoever acts, as the audit names them."""

    #: Seconds between two looks of somebody who waits.
    every_s = 0.25

    def __init__(self, redis: Redis, settings: Settings, who: str) -> None:
        self._redis = redis
        self._settings = settings
        self._who = who

    def census(self) -> Census:
        """What is in the ledger now."""
        return take_census(self._redis)

    def connection_names(self) -> set[str]:
        """The connections that are configured or were added."""
        return {connection.name for connection in self._settings.connections}

    def confirmations(self) -> Mapping[str, int]:
        """Held connection -> probes that found the cause still there."""
        return holds.confirmations(self._redis)

    def connections(self) -> list[ConnectionDocument]:
        """A document for each connection, its key tried with Klaviyo."""
        return [connections_found.document(line) for line in connections_found.found(self._redis, self._settings)]

    def flush(self, queues: Sequence[Queue]) -> FlushRequests:
        """Ask for what waits in these queues, and wake a scheduler."""
        return flush(self._redis, self._who, self.census(), queues)

    def hold(self, on: Queue | str, reason: str) -> bool:
        """Stop a queue or a connection; False where it is held already."""
        return actions.hold(self._redis, self._who, on, reason)

    def release(self, on: Queue | str, force: bool) -> Released:
        """End a hold unless its cause is still there and it is not forced."""
        before = actions.hold_on(on, self.census())
        return actions.release(self._redis, self._settings, self._who, on, before, force)

    def letters(self, wanted: LetterQuery) -> Iterator[LetterDocument]:
        """Summaries of dead letters. Raises Failed, click.UsageError."""
        return (summary(letter, count.name) for count, letter in find(self._redis, wanted))

    def letter(self, letter_id: str, queue: str | None, personal_data: bool) -> LetterDocument:
        """One letter. Raises Failed, click.UsageError."""
        ((count, letter),) = find(self._redis, LetterQuery((letter_id,), queue))
        return (whole if personal_data else traceable)(letter, count.name)

    def replay(self, wanted: LetterQuery) -> Replayed:
        """Put dead letters back into their queues. Raises Failed, click.UsageError."""
        return actions.replay(self._redis, self._who, selected_letters(self._redis, wanted))

    def confirm(self, letter_id: str, queue: str | None) -> Replayed:
        """Say that the profiles an erasure's letter names are the person's. Raises Failed, click.UsageError."""
        ((_, letter),) = find(self._redis, LetterQuery((letter_id,), queue))
        return actions.confirm(self._redis, self._who, letter)

    def audit(self, limit: int) -> list[EntryDocument]:
        """What was done last, newest first."""
        return [document(entry) for entry in audit.read(self._redis, limit)]


def flush(redis: Redis, who: str, census: Census, queues: Sequence[Queue]) -> FlushRequests:
    """Ask for what waits in these queues of the census, and wake a scheduler."""
    chosen = set(queues)
    flushes = [actions.flush(redis, who, found) for found in census.queues if found.queue in chosen]
    pending.wake(redis)
    return FlushRequests(census.at, flushes)
