"""How a request was transported: whether others could have read it. Pure."""

from __future__ import annotations

from typing import Final, Literal
from urllib.parse import urlsplit

import falcon.asgi

from configuration.checks import is_loopback

#: https: encrypted. loopback: unencrypted, but it never left this machine. plain: others on the way could read it.
Way = Literal["https", "loopback", "plain"]
_FORWARDED: Final = ("X-Forwarded-Proto", "X-Forwarded-For", "Forwarded")


def way(scheme: str, host: str, client: str, forwarded_proto: str | None, forwarded: bool) -> Way:
    """Classify a request by its connection (`scheme`, `client`), its header `host`, and what a proxy in front says."""
    if "https" in (scheme, (forwarded_proto or "").rpartition(",")[2].strip().lower()):
        return "https"
    local = is_loopback(_name(host)) and is_loopback(client)
    return "loopback" if local and not forwarded else "plain"


def way_of(req: falcon.asgi.Request) -> Way:
    """Return the `way` of a request."""
    forwarded = any(req.get_header(name) for name in _FORWARDED)
    return way(req.scheme, req.get_header("Host") or "", _peer(req), req.get_header("X-Forwarded-Proto"), forwarded)


def _name(host: str) -> str:
    """Return the name in a Host header; empty for an invalid header."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _peer(req: falcon.asgi.Request) -> str:
    client = req.scope.get("client")  # None over a Unix socket
    return str(client[0]) if client else "127.0.0.1"
