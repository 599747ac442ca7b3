"""What one message brings, sorted by the queues it goes to.

Gives every request an id: the one its sender or a router gave it, else a new one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Final

import falcon.asgi
import msgspec

from configuration.connections import Connection
from intake.audiences import Audiences, facts, without_lists
from intake.http.faults import UNREADABLE, TooMuch
from intake.http.limits import STORED
from intake.mparticle import settings as setting_values
from logs import log_ids
from mappings.json_limits import is_deep
from mappings.times import clamp
from queues import names
from queues.acceptance import Acceptance, DeadOnArrival
from queues.change import Action, Body, encode, nobody_key
from queues.names import Queue

_any = msgspec.json.Decoder(msgspec.Raw)

MALFORMED = "malformed"
NO_IDENTITY = "no_identity"
BLOCKED = "identifier_blocked"
PLACEHOLDER = "what is to identify the person identifies nobody, such as null, 0 or n/a; send an e-mail"
#: The kind of an audience's queue.
KIND = "audience"


class Part:
    """What one message brings to one queue."""

    __slots__ = ("changes", "clamped", "dead", "name", "queue", "settings")

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.changes: list[bytes] = []
        self.dead: list[DeadOnArrival] = []
        self.clamped = 0
        self.name: str | None = None
        self.settings = msgspec.Raw(b"")


class Stored:
    """Counts what one request makes the ledger store."""

    def __init__(self) -> None:
        self._bytes = 0

    def count(self, size: int) -> None:
        """So many bytes more. Raises TooMuch: one person may come to many audiences, an order to an event a product."""
        self._bytes += size
        if self._bytes > STORED:
            raise TooMuch(f"$: it would store over {STORED:,} bytes")


class Incoming:
    """Collects the changes of one message. `accepted_at`: ms. `message`: the sender's id, to trace a change by.

    Without one it is the request's, by which nothing is recognised as repeated, for a repetition has another.
    `stored`: that of the request, where one brings many messages. `ignored`: takes the list settings that do not count;
    None where they do.
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
        """The part for one queue, such as an audience's; None where it cannot be read which one is meant."""
        target = target or names.UNREADABLE
        part = self._parts.get((kind, target))
        if part is None:
            part = self._parts[kind, target] = Part(Queue(self.connection.name, kind, target))
        return part

    @property
    def queues(self) -> int:
        """To how many queues the message has brought something so far."""
        return len(self._parts)

    def is_empty(self) -> bool:
        """Whether the message brought nothing for any queue."""
        return not self._parts

    def add(self, part: Part, keys: tuple[str, ...], action: Action, at: float | None, person: bytes) -> None:
        """A change to deliver. `at`: the sender's time in ms, as told. `person`: its own JSON of the person."""
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
        """A change that is dead on arrival. `place`: where it stands in the message; makes its person key.

        `action`: an update of an audience's queue is what does the least if the change is replayed, whatever was meant.
        """
        if is_deep(person):  # what an action makes of a message may be deeper than the message
            person = unreadable_person(person)
        # No key of a person is known. Every such change gets its own, so that, if replayed, it waits for nobody and is
        # taken for nobody else. The person is part of it, for without an id all messages have their first place alike.
        keys = (nobody_key(f"{self._message} {place} {person!r}"),)
        part.dead.append(DeadOnArrival(self._stored(part, keys, action, at, person), reason, detail))

    def _stored(self, part: Part, keys: tuple[str, ...], action: Action, at: float | None, person: bytes) -> bytes:
        time, clamped = clamp(at, self.accepted_at)
        part.clamped += clamped
        stored = encode(keys, self.accepted_at, Body(action, time, self._source, self._message, msgspec.Raw(person)))
        self._stored_so_far.count(len(stored))
        return stored

    def acceptances(self, dedupe: str, audiences: Audiences) -> list[Acceptance]:
        """One for each queue. `dedupe`: by which a repeated message is recognised; empty when it cannot be."""
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


def unreadable_person(raw: bytes) -> bytes:
    """The JSON of a person that nobody could read again, as text in JSON that everybody can."""
    return msgspec.json.encode({"unreadable": raw.decode("utf-8", "backslashreplace")})


def readable(raw: bytes | msgspec.Raw) -> bytes:
    """JSON to keep of what was posted: as it came, or as text where it is none."""
    try:
        return bytes(_any.decode(raw))
    except UNREADABLE:
        return unreadable_person(bytes(raw))


HEADER: Final = "X-Request-ID"
_LONGEST: Final = 64


class RequestIds:
    """Middleware, before any other, so that a request that is refused has its id, too.

    The id is in every line logged for the request and in the answer. One that might name a person is not taken.
    """

    async def process_request(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Take the id of the header, or make one."""
        given = req.get_header(HEADER) or ""
        request = given if len(given) <= _LONGEST and log_ids.is_opaque(given) else secrets.token_hex(8)
        # To the end of the request's task, errors included: uvicorn starts one for each request.
        log_ids.bind(request=request)
        resp.set_header(HEADER, request)


def current_request_id() -> str:
    """The id of the request under way; empty outside of one, such as in `ferry preview`."""
    return log_ids.current().get("request", "")
