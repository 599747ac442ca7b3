"""Read the fields of a form, and redirect after it."""

from __future__ import annotations

from typing import Any

import falcon
import falcon.asgi


async def form(req: falcon.asgi.Request) -> dict[str, str]:
    """Return the fields of a form that were given exactly once; empty when the body is no form."""
    given: Any = await req.get_media(default_when_empty={})
    return {name: value for name, value in given.items() if isinstance(value, str)} if isinstance(given, dict) else {}


def own_path(given: str | None, else_: str = "/") -> str:
    """Return `given` if it is a path on this host, else `else_`. Pure."""
    # Browsers read \ as /, drop tabs and line ends, and read //host as another host; a header holds only ASCII.
    given = given or ""
    plain = given.isascii() and given.isprintable() and "\\" not in given
    return given if plain and given.startswith("/") and not given.startswith("//") else else_


def see(resp: falcon.asgi.Response, path: str) -> None:
    """Redirect to `path` after a form was carried out."""
    resp.status = falcon.HTTP_303
    resp.set_header("Location", path)
