"""`PUT /v1/audiences/{audience}/members`: the whole membership of an audience, of any size."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import falcon
import falcon.asgi
import msgspec
from msgspec import UNSET, Meta, UnsetType

from configuration.connections import Connections
from intake.access.auth import Scopes
from intake.audiences import facts
from intake.changes.routes import NDJSON
from intake.http import faults
from intake.http.body import BodyReader, is_gzip, media_type
from intake.http.connection import resolve_connection
from intake.http.limits import AUDIENCE_NAME
from intake.snapshots.staging import Staging, checked, pieces
from intake.snapshots.status import StatusAddress, queue_for, status_of
from mappings.values import clamp, to_ms, visible
from queues.clock import now_ms
from queues.snapshots.orders import Format, Record, SnapshotOrder, new_id

#: The longest name of an encoding.
_CHARSET: Final = 40
_JSON: Final = "application/json;charset=utf-8"
_CSV: Final[Format] = "csv"
_LINES: Final[Format] = "ndjson"
_DOCUMENT: Final[Format] = "json"
_FORMATS: Final = {"text/csv": _CSV, **dict.fromkeys(NDJSON, _LINES), "application/json": _DOCUMENT}


class _Asked(msgspec.Struct):
    """The parameters of the address."""

    name: Annotated[str, Meta(max_length=AUDIENCE_NAME)] = ""
    at: str | None = None
    rows: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    confirm: bool = False
    reconcile: bool = False


class SnapshotAnswer(msgspec.Struct, frozen=True):
    """A snapshot that is stored and waiting to be carried out."""

    snapshot: Annotated[str, Meta(description="Its id.", examples=["07-5f0c2b8e9d3a4f6b8c1d2e3f4a5b6c7d"])]
    bytes: Annotated[int, Meta(description="Size of the body as sent.")]
    state: Literal["queued"]
    status: StatusAddress


class Members:
    """Answers a sender only after the ledger has the whole membership and the order to carry it out."""

    def __init__(self, staging: Staging, bodies: BodyReader, connections: Connections, scopes: Scopes) -> None:
        self._staging = staging
        self._scopes = scopes
        self._bodies = bodies
        self._connections = connections

    async def on_put(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, audience: str) -> None:
        """Take a snapshot. Repeating it makes another snapshot, which changes nothing."""
        now = now_ms()  # before the first byte: changes that arrive from here on are newer
        chosen = resolve_connection(req, self._connections, self._scopes, *_Asked.__struct_fields__)
        queue = queue_for(chosen, audience)
        asked = _asked(req)
        at, clamped = clamp(_at(asked.at), now)
        order = _order(asked, req, new_id(queue), at)
        body = checked(pieces(req, self._bodies), order, chosen.columns_of(audience))
        size = await self._staging.stage(order.snapshot, body)
        record = Record(str(queue), order, now_ms(), size)
        known = facts(order.name, {}) if order.name else b""
        await self._staging.submit(queue, record, known, clamped=clamped)
        resp.status = falcon.HTTP_202
        resp.content_type = _JSON
        answer = SnapshotAnswer(order.snapshot, size, "queued", status_of(queue, order.snapshot))
        resp.data = msgspec.json.encode(answer)


def _asked(req: falcon.asgi.Request) -> _Asked:
    """Return the parameters. Raises HTTPBadRequest before any of the body is read."""
    try:
        return msgspec.convert(req.params, _Asked, strict=False)
    except msgspec.ValidationError as fault:
        raise faults.bad_request(
            faults.describe(fault).replace("$.", "?", 1).replace("`bool`", "`bool`: 1 or 0")
        ) from None


def _order(asked: _Asked, req: falcon.asgi.Request, snapshot_id: str, at: int) -> SnapshotOrder:
    """Return the order. Raises HTTPUnsupportedMediaType before any of the body is read."""
    return SnapshotOrder(
        snapshot_id,
        at,
        _format(req),
        gzip=is_gzip(req),
        charset=_charset(req),
        rows=None if asked.rows is UNSET else asked.rows,
        confirmed=asked.confirm,
        reconcile=asked.reconcile,
        name=visible(asked.name),
    )


def _at(text: str | None) -> float | None:
    try:
        return None if text is None else to_ms(text)
    except ValueError as fault:
        raise faults.bad_request(f"?at: {fault} (write + as %2B in an address)") from None


def _format(req: falcon.asgi.Request) -> Format:
    known = _FORMATS.get(media_type(req))
    if known is None:
        raise falcon.HTTPUnsupportedMediaType(
            title="The format is not known",
            description="Send the members with Content-Type: text/csv, application/x-ndjson or application/json. "
            "Nothing was accepted.",
        )
    return known


def _charset(req: falcon.asgi.Request) -> str:
    """Return the announced encoding of the text; empty for none, and for JSON, which has none (RFC 8259)."""
    kind, parameters = falcon.parse_header(req.content_type or "")
    return parameters.get("charset", "")[:_CHARSET] if kind.lower().startswith("text/") else ""
