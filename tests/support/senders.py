"""Senders for tests of what needs one, without a server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from redis.asyncio import Redis

from configuration.connections import Connection, Connections
from configuration.senders import Sender
from intake.access.auth import Scopes
from intake.access.uses import Uses
from intake.http.connection import connection_named
from queues.senders import SenderRates

ANYBODY = Sender("anybody")


def scopes() -> Scopes:
    """Checks that need no Redis: those of senders without a rate."""
    redis = Redis()
    return Scopes(SenderRates(redis), Uses(redis))


def choose(connections: Connections, sender: Sender = ANYBODY) -> Callable[[str | None], Connection]:
    """Which connection a sender means by a name."""
    return partial(connection_named, connections=connections, scopes=scopes(), sender=sender)
