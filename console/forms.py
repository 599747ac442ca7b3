"""Read the fields of a form or of an address, make addresses, and redirect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import falcon
import falcon.asgi


async def form(req: falcon.asgi.Request) -> dict[str, str]:
    """Return the fields of a form that were given exactly once; empty when the body is no form."""
    given: Any = await req.get_media(default_when_empty={})
    return {name: value for name, value in given.items() if isinstance(value, str)} if isinstance(given, dict) else {}


def page_number(given: str | None) -> int:
    """Return the number of a page, from 1; 1 for what is no number of up to six digits. Pure."""
    given = given or ""
    return max(1, int(given)) if given.isascii() and given.isdigit() and len(given) < 7 else 1


def address(path: str, given: Mapping[str, str]) -> str:
    """Return a path with those of the fields that are not empty. Pure."""
    query = urlencode({name: value for name, value in given.items() if value})
    return f"{path}?{query}" if query else path


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
