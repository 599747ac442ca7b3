"""Reads and writes JSON:API: one admitted call, its answers, resource objects, links and content types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson
from falcon.asgi import Request, Response

from emulator.errors import ApiError, bad_payload, encode
from emulator.query import Query
from emulator.world import World

MEDIA_TYPE = "application/vnd.api+json"
Json = dict[str, Any]


class Call(NamedTuple):
    """One call that may be carried out. `subject`: the id in its path; `data`: that of its body, checked.

    `account`: the account of its key, if it is not the only one; `hints`: answers carry `meta.agent_hints`.
    """

    world: World
    req: Request
    resp: Response
    query: Query
    subject: str
    data: Any
    account: str | None
    hints: bool

    @property
    def now(self) -> float:
        """The time of the account, in epoch seconds."""
        return self.world.now()

    def url(self, *parts: str) -> str:
        """Return the absolute URL of a path under `/api`, as the caller reaches it."""
        return "/".join((self.req.prefix, "api", *parts))

    def send_one(self, status: int, data: Json, included: Iterable[Json] = ()) -> None:
        """Respond with one resource; the top-level link has no trailing slash."""
        self._send(status, {"data": data, "links": {"self": self.req.uri}}, included)

    def send_page(self, data: Sequence[Json], cursor: str | None = None, included: Iterable[Json] = ()) -> None:
        """Respond with 200 and a page; `next` is the same query with the cursor."""
        here = self.req.prefix + self.req.path
        following = f"{here}?{urlencode({**self.req.params, 'page[cursor]': cursor})}" if cursor else None
        self._send(200, {"data": data, "links": {"self": self.req.uri, "next": following, "prev": None}}, included)

    def send_nothing(self, status: int) -> None:
        """Respond without a body, and so without a content type."""
        self.resp.status = status

    def _send(self, status: int, document: Mapping[str, Any], included: Iterable[Json]) -> None:
        extra = {"included": list(included)} if self.query.include else {}
        meta: Json = {"meta": {"agent_hints": {"next_steps": []}}} if self.hints else {}
        self.resp.status = status
        self.resp.content_type = MEDIA_TYPE
        self.resp.data = orjson.dumps({**document, **extra, **meta})


def document_of(body: bytes) -> Json:
    """Return the document of a body; raises `ApiError` 400 if it has no `data`."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise bad_payload() from None
    if not isinstance(document, dict) or document.get("data") is None:
        raise bad_payload()
    return document


def resource(kind: str, resource_id: str, attributes: Json, url: str) -> Json:
    """Return a resource object. Klaviyo ends links to resources with a slash."""
    return {"type": kind, "id": resource_id, "attributes": attributes, "links": {"self": f"{url}/"}}


def identifier(kind: str, resource_id: str) -> Json:
    """Return a reference to a resource."""
    return {"type": kind, "id": resource_id}


def relationships(url: str, names: Iterable[str], linked: Mapping[str, Any]) -> Json:
    """Return relationships with links, and with data where `linked` has it."""
    return {
        name: {
            **({"data": linked[name]} if name in linked else {}),
            "links": {"self": f"{url}/relationships/{name}/", "related": f"{url}/{name}/"},
        }
        for name in names
    }


def send_error(resp: Response, error: ApiError) -> None:
    """Respond with an error."""
    resp.status = error.status
    resp.content_type = MEDIA_TYPE
    resp.set_headers(dict(error.headers))
    resp.data = encode(error)
