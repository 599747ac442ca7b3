"""`POST /v1/segment` and the tracking API: messages of the Segment spec, from Segment, RudderStack or anybody else."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Final, Literal

import falcon
import falcon.asgi
import msgspec
from msgspec import Meta

from configuration.connections import Connection
from intake.access.auth import Auth, is_anonymous, sender_of
from intake.http.connection import resolve_connection
from intake.http.errors import RepeatedEvents
from intake.http.faults import read_apart
from intake.incoming import Services
from intake.segment import reading as segment_reading
from intake.segment.calls import ADDRESSES
from queues.acceptance import Acceptance
from queues.clock import now_ms
from queues.group_commit import AT_ONCE

log = logging.getLogger(__name__)

_JSON = "application/json;charset=utf-8"
_TAKEN: Final = b'{"success":true}'


class SegmentAnswer(msgspec.Struct, frozen=True):
    """The result of the request."""

    success: Literal[True]
    accepted: Annotated[int, Meta(description="Messages stored for delivery, now or before.")]
    unmapped: Annotated[int, Meta(description="Messages without an action; they are not stored.")]
    dead: Annotated[int, Meta(description="Messages with a part that is kept as a dead letter.")]


class Segment:
    """Answers a sender only after the ledger has what it sent."""

    def __init__(self, services: Services, auth: Auth) -> None:
        self._services = services
        self._bodies = services.bodies
        self._auth = auth
        self._tally = RepeatedEvents(every=60.0)

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Take one message or a batch."""
        body = await self._body(req)
        connection = self._connection(req)
        given = ADDRESSES.get(str(req.uri_template))
        read = partial(segment_reading.read, given=given, may_erase=not sender_of(req).is_public)
        async with self._bodies.large.turn(body):
            reading = await read_apart(body, read, body, connection, self._services.audiences, now_ms())
            await self._accept(reading.acceptances)
        for kind in reading.unmapped.elements():
            if counted := self._tally.count(kind):
                log.info("answered %s; they have no action, so they are not stored", counted)
        resp.content_type = _JSON
        answer = SegmentAnswer(True, reading.accepted, reading.unmapped.total(), reading.dead)
        resp.data = msgspec.json.encode(answer)

    async def _accept(self, acceptances: Sequence[Acceptance]) -> None:
        """Accept in parts, so that other requests do not wait for a whole large batch. Raises Unavailable.

        The parts are written in order: after one that fails nothing is written, so that no later change overtakes it.
        """
        for start in range(0, len(acceptances), AT_ONCE):
            await self._services.accept(acceptances[start : start + AT_ONCE])

    def _connection(self, req: falcon.asgi.Request) -> Connection:
        """Return the connection; libraries build their address themselves, so most of them cannot name one."""
        default = sender_of(req).only_connection if _is_call(req) else None
        return resolve_connection(req, self._services.connections, self._services.scopes, default=default)

    async def _body(self, req: falcon.asgi.Request) -> bytes:
        """Return the body; of a request without a token only after its body has identified the sender."""
        if not is_anonymous(req):
            return await self._bodies.read(req)
        read = self._bodies.read_keyed if _is_call(req) else self._bodies.read_signed
        body = await read(req, self._auth.identify)
        await self._auth.admit(req, sender_of(req))
        return body


def _is_call(req: falcon.asgi.Request) -> bool:
    """Return whether a request is one of the tracking API."""
    return str(req.uri_template) in ADDRESSES


class Metrics:
    """Answers what Segment's libraries for browsers and phones report of themselves, and reads none of it."""

    async def on_post(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer as to a message."""
        resp.content_type = _JSON
        resp.data = _TAKEN
