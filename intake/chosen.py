"""Which connection a request is for."""

from __future__ import annotations

import falcon
import falcon.asgi

from connections import DEFAULT, Connection, Connections, UnknownConnection


def connection_of(req: falcon.asgi.Request, connections: Connections) -> Connection:
    """The one that `?connection=` names, else the default one. Raises HTTPNotFound naming those there are."""
    try:
        return connections.named(req.get_param("connection") or DEFAULT)
    except UnknownConnection as fault:
        raise falcon.HTTPNotFound(title="No such connection", description=f"{fault}.") from None
