"""What every message needs: the shared services, its changes grouped by the queues they go to, and its id.

A request keeps the id that its sender or a router gave it, and otherwise gets a new one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import falcon.asgi
import msgspec
from falcon.constants import MEDIA_JSON

from configuration.connections import Connection, Connections
from intake.access.auth import Scopes
from intake.audiences import Audiences, facts, without_lists, written
from intake.http.body import BodyReader
from intake.http.faults import UNREADABLE, TooMuch
from intake.http.limits import STORED
from intake.mparticle import settings as setting_values
from logs import log_ids
from mappings.json_limits import is_deep
from mappings.values import clamp
from queues import names
from queues.acceptance import Acceptance, AcceptResult, DeadOnArrival
from queues.change import Action, Body, encode, nobody_key
from queues.group_commit import GroupCommit
from queues.names import Queue

_any = msgspec.json.Decoder(msgspec.Raw)
MALFORMED = "malformed"
NO_IDENTITY = "no_identity"
BLOCKED = "identifier_blocked"
PLACEHOLDER = "the identifiers are placeholders such as null, 0 or n/a, and identify nobody; send an e-mail address"
#: The kind of an audience's queue.
KIND = "audience"
HEADER: Final = "X-Request-ID"
_LONGEST: Final = 64
#: Queues that are remembered.
_QUEUES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Services:
    """What the addresses for messages share: one of each for the process."""

    commit: GroupCommit
    bodies: BodyReader
    connections: Connections
    audiences: Audiences
    scopes: Scopes

    async def accept(self, acceptances: Sequence[Acceptance]) -> list[AcceptResult]:
        """Store the changes of a message, and remember the audiences that it names. Raises Unavailable."""
        accepted = await self.commit.accept(acceptances)
        self.audiences.remember(written(acceptances, accepted))
        return accepted


class Part:
    """The changes of one message for one queue."""

    __slots__ = ("changes", "clamped", "dead", "name", "queue", "settings")

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.changes: list[bytes] = []
        self.dead: list[DeadOnArrival] = []
        self.clamped = 0
        self.name: str | None = None
        self.settings = msgspec.Raw(b"")


class Stored:
    """Counts the bytes that one request makes the ledger store."""

    def __init__(self) -> None:
        self._bytes = 0

    def count(self, size: int) -> None:
        """Add `size` bytes. Raises TooMuch when the request would store too many.

        A small request may store much: a person is stored for each audience, an order becomes an event per product.
        """
        self._bytes += size
        if self._bytes > STORED:
            raise TooMuch(f"$: it would store over {STORED:,} bytes")


class Incoming:
    """Collects the changes of one message. `accepted_at`: ms. `message`: the sender's id, to trace a change by.

    Without that id, the request's id is used for tracing; it cannot detect a repeated message, because a repetition has
    another request id. `stored`: the counter of the request, when it has many messages. `ignored`: collects list
    settings that do not count; None when they count.
    """

    def __init__(
        self,
        connection: Connection,
        source: str,
        message: str,
        accepted_at: int,
        stored: Stored | None = None,
        ignored: dict[Queue, dict[str, str]] | None = None,
    ) -> None:
        self.connection = connection
        self._source = source
        self._message = message or current_request_id()
        self.accepted_at = accepted_at
        self._parts: dict[tuple[str, str], Part] = {}
        self._stored_so_far = stored or Stored()
        self._ignored = ignored

    def part(self, target: str | None, kind: str = KIND) -> Part:
        """Return the part for one queue, such as an audience's. `target`: None when it cannot be read."""
        target = target or names.UNREADABLE
        part = self._parts.get((kind, target))
        if part is None:
            part = self._parts[kind, target] = Part(_queue(self.connection.name, kind, target))
        return part

    @property
    def queues(self) -> int:
        """The number of queues for which the message has had something so far."""
        return len(self._parts)

    def is_empty(self) -> bool:
        """Return whether the message has nothing for any queue."""
        return not self._parts

    def add(self, part: Part, keys: tuple[str, ...], action: Action, at: float | None, person: bytes) -> None:
        """Add a change to deliver. `at`: the sender's time in ms, unchanged. `person`: JSON of the person."""
        part.changes.append(self._stored(part, keys, action, at, person))

    def bury(
        self,
        part: Part,
        place: str,
        at: float | None,
        person: bytes,
        reason: str,
        detail: str,
        action: Action = "update",
    ) -> None:
        """Add a change that is dead on arrival. `place`: its place in the message, part of its person key.

        `action`: in an audience's queue an update, whatever was meant, because it does the least when replayed.
        """
        if is_deep(person):  # what an action makes of a message may be deeper than the message
            person = unreadable_person(person)
        # No person key is known. Every such change gets its own key, so that a replay waits for no other person's
        # changes and is not mistaken for one. The key contains the person, because messages without an id share places.
        keys = (nobody_key(f"{self._message} {place} {person!r}"),)
        part.dead.append(DeadOnArrival(self._stored(part, keys, action, at, person), reason, detail))

    def _stored(self, part: Part, keys: tuple[str, ...], action: Action, at: float | None, person: bytes) -> bytes:
        time, clamped = clamp(at, self.accepted_at)
        part.clamped += clamped
        stored = encode(keys, self.accepted_at, Body(action, time, self._source, self._message, msgspec.Raw(person)))
        self._stored_so_far.count(len(stored))
        return stored

    def acceptances(self, dedupe: str, audiences: Audiences) -> list[Acceptance]:
        """Return one acceptance for each queue. `dedupe`: the key that detects a repeated message, or empty."""
        return list(self._acceptances(dedupe, audiences))

    def _acceptances(self, dedupe: str, audiences: Audiences) -> Iterator[Acceptance]:
        for part in self._parts.values():
            policy = self.connection.policy_for(part.queue.kind, part.queue.target)
            audience = b""
            if part.name:
                audience = audiences.news(part.queue, self._facts(part, part.name))
            yield Acceptance(part.queue, policy, dedupe, part.changes, part.dead, audience, self._source, part.clamped)

    def _facts(self, part: Part, name: str) -> bytes:
        settings = setting_values.read(part.settings)
        if self._ignored is None:
            return facts(name, settings)
        return without_lists(name, settings, self._ignored, part.queue)


def _queue(connection: str, kind: str, target: str) -> Queue:
    # Remembered: writing a name takes as long as making a person key. Longer ones would fill the memory.
    return (_known if len(target) <= _LONGEST else Queue)(connection, kind, target)


_known = lru_cache(maxsize=_QUEUES)(Queue)


def unreadable_person(raw: bytes) -> bytes:
    """Return unreadable JSON of a person as text within valid JSON."""
    return msgspec.json.encode({"unreadable": raw.decode("utf-8", "backslashreplace")})


def readable(raw: bytes | msgspec.Raw) -> bytes:
    """Return posted JSON unchanged, or as text within valid JSON when it cannot be read."""
    try:
        return bytes(_any.decode(raw))
    except UNREADABLE:
        return unreadable_person(bytes(raw))


class RequestIds:
    """Middleware that gives every request an id; it is the first one, so that refused requests have an id too.

    The id is in every log line of the request and in the answer. A given id that might name a person is not used.
    For people with curl, it also ends each JSON answer with a line end.
    """

    async def process_request(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Use the id of the header, or make a new one."""
        given = req.get_header(HEADER) or ""
        request = given if len(given) <= _LONGEST and log_ids.is_opaque(given) else secrets.token_hex(8)
        # Bound until the request's task ends, errors included: uvicorn starts one task for each request.
        log_ids.bind(request=request)
        resp.set_header(HEADER, request)

    async def process_response(
        self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, _resource: object, _succeeded: bool
    ) -> None:
        """End a JSON answer with a line end, which JSON allows, so that a shell's prompt begins a new line."""
        if resp.data and (resp.content_type or MEDIA_JSON).startswith(MEDIA_JSON) and not resp.data.endswith(b"\n"):
            resp.data += b"\n"


def current_request_id() -> str:
    """Return the id of the current request; empty outside of requests, such as in `ferry preview`."""
    return log_ids.current().get("request", "")
