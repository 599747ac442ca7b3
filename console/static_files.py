"""`/static/{name}`: style sheets and scripts of this package, each read once."""

from __future__ import annotations

import hashlib
import mimetypes
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

import falcon
import falcon.asgi

#: One year, because the address changes with the file.
_FOREVER: Final = "public, max-age=31536000, immutable"


class _File(NamedTuple):
    data: bytes
    media: str
    version: str


class Static:
    """The static files."""

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, name: str) -> None:
        """Answer with a file; browsers cache it for a year when the address names its version."""
        found = _files().get(name)
        if found is None:
            raise falcon.HTTPNotFound
        resp.data, resp.content_type = found.data, found.media
        resp.set_header("Cache-Control", _FOREVER if req.get_param("v") == found.version else "no-cache")


def url_of(name: str) -> str:
    """Return the address of a file, with its version. Raises KeyError for an unknown file."""
    return f"/static/{name}?v={_files()[name].version}"


@cache
def _files() -> dict[str, _File]:
    return {
        each.name: _file(each.name, each.read_bytes())
        for each in (files("console") / "static").iterdir()
        if each.is_file()
    }


def _file(name: str, data: bytes) -> _File:
    media = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return _File(data, media, hashlib.sha256(data).hexdigest()[:12])
