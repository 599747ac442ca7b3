"""`POST /v1/segment`: messages of the Segment spec, from Segment, RudderStack or any other sender."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal

import falcon
import falcon.asgi
import msgspec
from msgspec import Meta

from configuration.connections import Connections
from intake.access.auth import SEGMENT, Scopes, is_anonymous, sender_of
from intake.audiences import Audiences, written
from intake.http import large
from intake.http.body import BodyReader
from intake.http.connection import resolve_connection
from intake.http.errors import RepeatedEvents
from intake.segment import reading as segment_reading
from intake.segment.auth import SIGNATURE, Signatures
from queues.acceptance import Acceptance
from queues.clock import now_ms
from queues.group_commit import AT_ONCE, GroupCommit

log = logging.getLogger(__name__)

_JSON = "application/json;charset=utf-8"


class SegmentAnswer(msgspec.Struct, frozen=True):
    """The result of the request."""

    success: Literal[True]
    accepted: Annotated[int, Meta(description="Messages stored for delivery, now or before.")]
    unmapped: Annotated[int, Meta(description="Messages without an action; they are not stored.")]
    dead: Annotated[int, Meta(description="Messages with a part that is kept as a dead letter.")]


class Segment:
    """Answers a sender only after the ledger has what it sent."""

    def __init__(
        self,
        commit: GroupCommit,
        bodies: BodyReader,
        connections: Connections,
        audiences: Audiences,
        signatures: Signatures,
        scopes: Scopes,
    ) -> None:
        self._commit = commit
        self._bodies = bodies
        self._connections = connections
        self._audiences = audiences
        self._signatures = signatures
        self._scopes = scopes
        self._tally = RepeatedEvents(every=60.0)

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Take one message or a batch."""
        body = await self._body(req)
        connection = resolve_connection(req, self._connections, self._scopes)
        async with self._bodies.large.turn(body):
            reading = await large.read(body, segment_reading.read, body, connection, self._audiences, now_ms())
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
            part = acceptances[start : start + AT_ONCE]
            self._audiences.remember(written(part, await self._commit.accept(part)))

    async def _body(self, req: falcon.asgi.Request) -> bytes:
        """Return the body; without a token it is not decompressed or read before the signature is verified."""
        if not is_anonymous(req):
            return await self._bodies.read(req)
        body = await self._bodies.read(req, check=partial(self._signed, req))
        sender = sender_of(req)
        await self._scopes.check_rate(sender)
        self._scopes.check_route(sender, SEGMENT)
        return body

    def _signed(self, req: falcon.asgi.Request, body: bytes) -> None:
        req.context.sender = self._signatures.sender(req.get_header(SIGNATURE) or "", body)
