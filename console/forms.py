"""What a form brings, and where its answer leads."""

from __future__ import annotations

from typing import Any

import falcon
import falcon.asgi


async def form(req: falcon.asgi.Request) -> dict[str, str]:
    """The fields of a form that were given once; of anything else nothing."""
    given: Any = await req.get_media(default_when_empty={})
    return {name: value for name, value in given.items() if isinstance(value, str)} if isinstance(given, dict) else {}


def own_path(given: str | None, else_: str = "/") -> str:
    """Where to go on to: a path of this very host, else `else_`. Pure."""
    # Browsers read \ as /, leave out tabs and line ends, and take //host for another host; a header holds ASCII alone.
    given = given or ""
    plain = given.isascii() and given.isprintable() and "\\" not in given
    return given if plain and given.startswith("/") and not given.startswith("//") else else_


def see(resp: falcon.asgi.Response, path: str) -> None:
    """Answer a form that was carried out: look there."""
    resp.status = falcon.HTTP_303
    resp.set_header("Location", path)
