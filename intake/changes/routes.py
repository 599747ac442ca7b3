"""`POST /v1/changes`: changes from any sender, in Ferry's own format."""

from __future__ import annotations

from io import BytesIO
from itertools import islice
from typing import Annotated

import falcon
import falcon.asgi
import msgspec
from msgspec import Meta

from intake.changes import reading
from intake.changes.messages import OF_ADDRESS, AudienceRef, PostedChanges
from intake.changes.reading import RejectedChange
from intake.http import faults, limits
from intake.http.body import media_type
from intake.http.connection import resolve_connection
from intake.http.faults import read_apart
from intake.incoming import Incoming, Services
from mappings.json_limits import check_lines
from queues.clock import now_ms
from text.json_names import mistaken

_JSON = "application/json;charset=utf-8"
#: The media types that senders use for lines of JSON.
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")
#: A change's JSON, and its place in the request for messages.
_Placed = tuple[str, bytes | msgspec.Raw]
_posted = msgspec.json.Decoder(PostedChanges)


class ChangesAnswer(msgspec.Struct, frozen=True):
    """The result of the request."""

    accepted: Annotated[int, Meta(description="Changes stored for delivery.")]
    rejected: Annotated[list[RejectedChange], Meta(description="Changes kept as dead letters.")]
    repeated: Annotated[bool, Meta(description="true: this Idempotency-Key was seen before; nothing is stored again.")]


class Changes:
    """Answers a sender only after the ledger has what it sent."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Take many changes at once."""
        services = self._services
        connection = resolve_connection(req, services.connections, services.scopes, "audience", "name")
        key = _idempotency_key(req)
        audience = _audience(req)
        body = await services.bodies.read(req)
        # These messages have no list settings: those from a CDP stay.
        incoming = Incoming(connection, reading.SOURCE, key, now_ms(), ignored={})
        async with services.bodies.large.turn(body):
            as_lines = media_type(req) in NDJSON
            count, rejected = await read_apart(body, _read, body, as_lines, audience, incoming)
            acceptances = incoming.acceptances(f"changes:{key}" if key else "", services.audiences)
            accepted = await services.accept(acceptances)
        resp.status = falcon.HTTP_202
        resp.content_type = _JSON
        repeated = bool(accepted) and not any(each.fresh for each in accepted)
        resp.data = msgspec.json.encode(ChangesAnswer(count - len(rejected), rejected, repeated))


def _read(
    body: bytes, as_lines: bool, audience: AudienceRef | None, incoming: Incoming
) -> tuple[int, list[RejectedChange]]:
    """Put the changes of a body into `incoming`; return their number and the rejected ones.

    `audience`: the audience of changes without one. Raises falcon.HTTPError, TooMuch.
    """
    if as_lines:
        changes: list[_Placed] = _lines(body)
    else:
        changes, audience = _document(body, audience)
    return len(changes), reading.read(changes, audience, incoming, incoming.accepted_at)


def _idempotency_key(req: falcon.asgi.Request) -> str:
    key = req.get_header("Idempotency-Key") or ""
    if len(key) > limits.MESSAGE_ID:
        raise faults.bad_request(f"Idempotency-Key: longer than {limits.MESSAGE_ID} characters")
    return key


def _audience(req: falcon.asgi.Request) -> AudienceRef | None:
    audience_id, name = req.get_param("audience"), req.get_param("name")
    try:
        # The name is checked even without an audience: a name that is too long is a mistake of the sender.
        named = msgspec.convert({"id": "0" if audience_id is None else audience_id, "name": name}, AudienceRef)
    except msgspec.ValidationError as fault:
        raise faults.bad_request(faults.describe(fault, "?audience=")) from None
    return None if audience_id is None else named


def _document(body: bytes, default: AudienceRef | None) -> tuple[list[_Placed], AudienceRef | None]:
    posted = faults.read(_posted, body, apart=("changes",))
    if mistake := mistaken(body, PostedChanges.__struct_fields__, OF_ADDRESS):
        raise faults.bad_request(f"$.{mistake}")
    if len(posted.changes) > limits.CHANGES:
        raise _too_many()
    audience = posted.audience or default
    return [(f"$.changes[{index}]", raw) for index, raw in enumerate(posted.changes)], audience


def _lines(body: bytes) -> list[_Placed]:
    faults.check_count(body.count(b"\n"), limits.LINES, "lines", "$")
    faults.check_text(body, check_lines)
    # Counted while reading: splitting millions of short lines first would take fifty times the memory of the body.
    filled = ((number, line) for number, line in enumerate(BytesIO(body), 1) if line.strip())
    lines = [(f"line {number}", line) for number, line in islice(filled, limits.CHANGES + 1)]
    if len(lines) > limits.CHANGES:
        raise _too_many()
    return lines


def _too_many() -> falcon.HTTPContentTooLarge:
    return falcon.HTTPContentTooLarge(
        title="Too many changes",
        description=f"One request takes {limits.CHANGES:,} changes at most. Nothing was accepted; send them in parts.",
    )
