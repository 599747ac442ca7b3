"""Which connection a request is for."""

from __future__ import annotations

import falcon
import falcon.asgi

from connections import DEFAULT, Connection, Connections, UnknownConnection
from queues.errors import Unavailable


def connection_of(req: falcon.asgi.Request, connections: Connections) -> Connection:
    """The one that `?connection=` names, else the default one. Raises HTTPNotFound naming those there are."""
    return connection_named(req.get_param("connection"), connections)


def connection_named(name: str | None, connections: Connections) -> Connection:
    """The one of that name, the default one without a name. Raises HTTPNotFound naming those there are.

    Raises Unavailable where it may have been added without this process having seen it: a 404 is for good.
    """
    try:
        return connections.named(name or DEFAULT)
    except UnknownConnection as fault:
        if not connections.complete:
            raise Unavailable from None
        raise falcon.HTTPNotFound(title="No such connection", description=f"{fault}.") from None
