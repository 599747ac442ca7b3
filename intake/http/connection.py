"""Finds the connection of a request, and checks that its sender may use it."""

from __future__ import annotations

import falcon
import falcon.asgi

from configuration.connections import DEFAULT, Connection, Connections, UnknownConnection
from configuration.senders import Sender
from intake.access.auth import Scopes, sender_of
from intake.http import faults
from queues.errors import Unavailable


def resolve_connection(
    req: falcon.asgi.Request, connections: Connections, scopes: Scopes, *others: str, default: str | None = None
) -> Connection:
    """Return the connection in `?connection=`, else `default`, else the default one. `others`: other known parameters.

    Raises HTTPBadRequest for an unknown parameter, HTTPForbidden, and HTTPNotFound naming the existing connections.
    """
    faults.check_query(req, "connection", *others)
    return connection_named(req.get_param("connection") or default, connections, scopes, sender_of(req))


def connection_named(name: str | None, connections: Connections, scopes: Scopes, sender: Sender) -> Connection:
    """Return the connection of that name, or the default one without a name.

    Raises HTTPForbidden first, so that a sender learns nothing about connections that it may not use, then HTTPNotFound
    naming those that it may. Raises Unavailable when this process may not have seen a new connection yet: senders do
    not repeat after a 404.
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
        description=f"There is no connection {name!r}; known: {known or 'none that this sender may use'}.",
    )
