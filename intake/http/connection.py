"""Which connection a request is for, whether its sender may send there, and what else its address may say."""

from __future__ import annotations

import falcon
import falcon.asgi

from configuration.connections import DEFAULT, Connection, Connections, UnknownConnection
from configuration.senders import Sender
from intake.access.auth import Scopes, sender_of
from intake.http import faults
from queues.errors import Unavailable
from text.json_names import TWICE, unknown


def resolve_connection(req: falcon.asgi.Request, connections: Connections, scopes: Scopes, *others: str) -> Connection:
    """The one that `?connection=` names, else the default one. `others`: what else the address may say.

    Raises HTTPBadRequest where the address says something else, HTTPForbidden, and HTTPNotFound naming those there are.
    """
    check_query(req, "connection", *others)
    return connection_named(req.get_param("connection"), connections, scopes, sender_of(req))


def connection_named(name: str | None, connections: Connections, scopes: Scopes, sender: Sender) -> Connection:
    """The one of that name, the default one without a name.

    Raises HTTPForbidden first, so that a sender learns nothing of connections that are closed to it, then HTTPNotFound
    naming those there are that it may reach. Raises Unavailable where it may have been added without this process
    having seen it: a 404 is for good.
    """
    scopes.check_name(sender, name or DEFAULT)
    try:
        found = connections.named(name or DEFAULT)
    except UnknownConnection:
        if not connections.complete:
            raise Unavailable from None
        raise _not_found(name or DEFAULT, sender, connections) from None
    scopes.check_connection(sender, found)
    return found


def _not_found(name: str, sender: Sender, connections: Connections) -> falcon.HTTPNotFound:
    known = ", ".join(sorted(each.name for each in connections if sender.may_reach(each)))
    return falcon.HTTPNotFound(
        title="No such connection",
        description=f"there is no connection {name!r}; known: {known or 'none that this sender may use'}.",
    )


def check_query(req: falcon.asgi.Request, *known: str) -> None:
    """Raise HTTPBadRequest where the address has another parameter than the known ones, or one of them twice.

    A misspelt `?connection=` would send people to another account, and a misspelt `?rows=` would check nothing.
    """
    for name, value in req.params.items():
        if name not in known:
            raise faults.bad_request(f"?{unknown(name, known)}")
        if isinstance(value, list):
            raise faults.bad_request(f"?{name}: {TWICE.replace('JSON', 'an address')}")
