"""Reads and writes JSON:API bodies: resource objects, collections, links and content types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson
from falcon.asgi import Request, Response

from emulator.errors import ApiError, bad_payload, encode

MEDIA_TYPE = "application/vnd.api+json"
Json = dict[str, Any]


def data_of(req: Request, kind: str) -> Json:
    """Return the `data` object of the body, whose `type` must be `kind`; raises `ApiError` 400."""
    data = _document(req).get("data")
    if not isinstance(data, dict):
        raise bad_payload()
    if data.get("type") != kind:
        raise bad_payload("/data/type")
    return data


def data_list_of(req: Request) -> list[Any]:
    """Return the `data` array of a relationship body; raises `ApiError` 400."""
    data = _document(req).get("data")
    if not isinstance(data, list):
        raise bad_payload()
    return data


def _document(req: Request) -> Json:
    try:
        document = orjson.loads(req.context.body)
    except orjson.JSONDecodeError:
        raise bad_payload() from None
    if not isinstance(document, dict):
        raise bad_payload()
    return document


def resource(kind: str, resource_id: str, attributes: Json, url: str, wanted: frozenset[str] | None = None) -> Json:
    """Return a resource object with all or the `wanted` attributes. Klaviyo ends links to resources with a slash."""
    kept = attributes if wanted is None else {k: v for k, v in attributes.items() if k in wanted}
    return {"type": kind, "id": resource_id, "attributes": kept, "links": {"self": f"{url}/"}}


def relation(url: str, name: str, *, own: bool = True) -> Json:
    """Return a relationship with links only; `own` adds the link to the relationship itself."""
    links = {"self": f"{url}/relationships/{name}/"} if own else {}
    return {"links": {**links, "related": f"{url}/{name}/"}}


def url_of(req: Request, *parts: str) -> str:
    """Return the absolute URL of a path under `/api`, as the caller reaches it."""
    return "/".join((req.prefix, "api", *parts))


def send(resp: Response, status: int, document: Mapping[str, Any]) -> None:
    """Respond with a document."""
    resp.status = status
    resp.content_type = MEDIA_TYPE
    resp.data = orjson.dumps(document)


def send_one(req: Request, resp: Response, status: int, data: Json) -> None:
    """Respond with one resource; the top-level link has no trailing slash."""
    send(resp, status, {"data": data, "links": {"self": req.prefix + req.path}})


def send_page(req: Request, resp: Response, data: Sequence[Json], cursor: str | None) -> None:
    """Respond with 200 and a page; `next` is the same query with the cursor."""
    here = req.prefix + req.path
    following = f"{here}?{urlencode({**req.params, 'page[cursor]': cursor})}" if cursor else None
    links = {"self": req.uri, "next": following, "prev": None}
    send(resp, 200, {"data": data, "links": links})


def send_nothing(resp: Response, status: int) -> None:
    """Respond without a body, and so without a content type."""
    resp.status = status


def send_error(resp: Response, error: ApiError) -> None:
    """Respond with an error."""
    resp.status = error.status
    resp.content_type = MEDIA_TYPE
    resp.set_headers(dict(error.headers))
    resp.data = encode(error)
