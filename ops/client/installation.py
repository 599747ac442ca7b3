"""The Ferry that the operator's commands talk to: this machine's, or the one of `--url` over HTTP (remote.py)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, TypeAlias

import click
from redis import Redis

from configuration import settings
from configuration.settings import Settings
from ops import actions, status_rows
from ops.actions import FlushRequests, Released
from ops.audit_format import EntryDocument, document
from ops.dead_letters import view
from ops.dead_letters.selecting import LetterQuery, find, selected_letters
from ops.dead_letters.view import LetterDocument, traceable, whole
from ops.ledger import by, ledger
from ops.status_rows import RowChoice
from queues import audit, holds
from queues.census import Census, meant, take_census, take_some
from queues.dead_letters import Replayed
from queues.names import Queue
from queues.queue_rows import NamedQueue

if TYPE_CHECKING:
    from ops.client.remote import RemoteClient
    from ops.connections.found import ConnectionDocument


class LocalClient:
    """This machine's Ferry. `who`: the user who acts, as the audit log shows it."""

    #: Seconds between two censuses of a command that waits.
    every_s = 0.25

    def __init__(self, redis: Redis, settings: Settings, who: str) -> None:
        self._redis = redis
        self._settings = settings
        self._who = who

    def census(self) -> Census:
        """Return the census of the ledger."""
        return take_census(self._redis)

    def summary(self, choice: RowChoice | None = None) -> Census:
        """Return the totals of all queues; of the queues, those in trouble and those chosen."""
        return status_rows.summary(self._redis, choice)

    def some(self, queues: Collection[Queue]) -> Census:
        """Return the census of these queues."""
        return take_some(self._redis, queues)

    def meant(self, given: str) -> Sequence[NamedQueue]:
        """Return the queues that a person may mean by a name, or all."""
        return meant(self._redis, given)

    def connection_names(self) -> set[str]:
        """Return the connections that are configured or were added."""
        return {connection.name for connection in self._settings.connections}

    def confirmations(self) -> Mapping[str, int]:
        """Return by held connection the number of probes that found the cause unchanged."""
        return holds.confirmations(self._redis)

    def connections(self) -> list[ConnectionDocument]:
        """Return a document for each connection, with its key tested in Klaviyo."""
        from ops.connections import found  # loads Klaviyo's client, which no other method needs

        return [found.document(line) for line in found.found(self._redis, self._settings)]

    def flush(self, queues: Sequence[Queue]) -> FlushRequests:
        """Flush these queues, and wake a scheduler."""
        return actions.flush(self._redis, self._who, queues)

    def hold(self, on: Queue | str, reason: str) -> bool:
        """Hold a queue or a connection; return False if it is already held."""
        return actions.hold(self._redis, self._who, on, reason)

    def release(self, on: Queue | str, force: bool) -> Released:
        """End a hold, unless its cause remains and `force` is False."""
        before = actions.hold_on(on, self.some([on] if isinstance(on, Queue) else ()))
        return actions.release(self._redis, self._settings, self._who, on, before, force)

    def letters(self, wanted: LetterQuery) -> Iterator[LetterDocument]:
        """Return summaries of dead letters. Raises Failed, click.UsageError."""
        return (view.summary(letter, count.name) for count, letter in find(self._redis, wanted))

    def letter(self, letter_id: str, queue: str | None, personal_data: bool) -> LetterDocument:
        """Return one letter. Raises Failed, click.UsageError."""
        ((count, letter),) = find(self._redis, LetterQuery((letter_id,), queue))
        return (whole if personal_data else traceable)(letter, count.name)

    def replay(self, wanted: LetterQuery) -> Replayed:
        """Put dead letters back into their queues. Raises Failed, click.UsageError."""
        return actions.replay(self._redis, self._who, selected_letters(self._redis, wanted))

    def confirm(self, letter_id: str, queue: str | None) -> Replayed:
        """Confirm that the profiles in an erasure's letter are the person's. Raises Failed, click.UsageError."""
        ((_, letter),) = find(self._redis, LetterQuery((letter_id,), queue))
        return actions.confirm(self._redis, self._who, letter)

    def audit(self, limit: int) -> list[EntryDocument]:
        """Return the last entries of the audit log, newest first."""
        return [document(entry) for entry in audit.read(self._redis, limit)]


#: Both have the same methods, and commands use nothing else.
Installation: TypeAlias = "LocalClient | RemoteClient"


@contextmanager
def installation(writes: bool = False) -> Iterator[Installation]:
    """Open the chosen Ferry for the block; `writes`: see `ledger`. Raises Failed, Misconfigured, SettingsError."""
    url: str | None = click.get_current_context().find_root().obj
    if url is not None:
        from ops.client.remote import RemoteClient  # loads an HTTP client

        with closing(RemoteClient(url)) as remote:
            yield remote
        return
    known = settings.load()
    with ledger(known, writes) as redis:
        yield LocalClient(redis, known, by())
