"""Which connection a request is for, and what else its address may say."""

from __future__ import annotations

import falcon
import falcon.asgi

from connections import DEFAULT, Connection, Connections, UnknownConnection
from intake import faults
from json_names import TWICE, unknown
from queues.errors import Unavailable


def connection_of(req: falcon.asgi.Request, connections: Connections, *others: str) -> Connection:
    """The one that `?connection=` names, else the default one. Raises HTTPNotFound naming those there are.

    `others`: what else the address may say. Raises HTTPBadRequest where it says something else.
    """
    check_query(req, "connection", *others)
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


def check_query(req: falcon.asgi.Request, *known: str) -> None:
    """Raise HTTPBadRequest where the address has another parameter than the known ones, or one of them twice.

    A misspelt `?connection=` would send people to another account, and a misspelt `?rows=` would check nothing.
    """
    for name, value in req.params.items():
        if name not in known:
            raise faults.bad_request(f"?{unknown(name, known)}")
        if isinstance(value, list):
            raise faults.bad_request(f"?{name}: {TWICE.replace('JSON', 'an address')}")
