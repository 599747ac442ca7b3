"""What the operator's API shares: reading requests and writing answers."""

from __future__ import annotations

import codecs
from typing import Any, Final

import falcon
import falcon.asgi
import msgspec
import orjson
from falcon.constants import MEDIA_JSON
from marshmallow import Schema, ValidationError

from mappings.complaints import complaints
from text.json_names import TWICE, twice
from text.surrogates import whole_characters

_JSON: Final = "application/json;charset=utf-8"
_encode: Final = msgspec.json.Encoder().encode


def answer(resp: falcon.asgi.Response, value: msgspec.Struct) -> None:
    """Answer with JSON."""
    resp.content_type = _JSON
    resp.data = _encode(value)


async def body(req: falcon.asgi.Request, schema: Schema) -> dict[str, Any]:
    """Return the checked body, `{}` for none. Raises HTTPBadRequest, HTTPUnsupportedMediaType."""
    media = (req.content_type or MEDIA_JSON).partition(";")[0].strip().lower()
    if media != MEDIA_JSON:
        raise falcon.HTTPUnsupportedMediaType(
            title="Not JSON", description="Send the body as JSON, with the header 'Content-Type: application/json'."
        )
    raw = whole_characters((await req.stream.read()).removeprefix(codecs.BOM_UTF8))
    try:
        given = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError as fault:
        raise _wrong(f"the body is not JSON: {fault.msg} at character {fault.pos}") from None
    if names := twice(raw or b"{}"):
        raise _wrong(f"the body: ${names[0]}: {TWICE}")
    return _checked(given, schema, "the body")


def query(req: falcon.asgi.Request, schema: Schema) -> dict[str, Any]:
    """Return the checked query. Raises HTTPBadRequest."""
    return _checked(req.params, schema, "the query")


def _checked(given: Any, schema: Schema, place: str) -> dict[str, Any]:
    try:
        checked: dict[str, Any] = schema.load(given)
    except ValidationError as fault:
        raise _wrong(f"{place}: {'; '.join(complaints(fault.messages, schema))}") from None
    return checked


def _wrong(description: str) -> falcon.HTTPBadRequest:
    return falcon.HTTPBadRequest(
        title="The request is not valid",
        description=f"{description.rstrip('.')}. Nothing was done; /docs describes the format.",
    )
