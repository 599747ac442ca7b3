"""The client of one server for RQ on a Redis Cluster: it connects to the node that has RQ's keys.

RQ 3.0 does not run on redis-py's cluster client: it uses its pipelines as transactions and its connection pool. All of
RQ's keys have one hash tag, so one node has them. As with Sentinel, each new connection asks who that is, and an answer
that the keys are elsewhere, or not available, closes the connection, so that the next attempt asks again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.connection import Connection, ConnectionPool, SSLConnection
from redis.exceptions import AskError, ClusterDownError, MovedError, ReadOnlyError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

#: Returns host and port of the node. Raises redis.RedisError.
Owner = Callable[[], tuple[str, int]]


class OwnerConnection(Connection):
    """A connection to the node that `owner` names when it connects."""

    def __init__(self, owner: Owner, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]  # as in redis-py
        self._owner = owner

    def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        """Connect, if not connected, to the owner of this moment."""
        if self._sock is None:
            self.host, self.port = self._owner()
        super().connect_check_health(check_health, retry_socket_connect)

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Read an answer. Raises redis.ConnectionError, for which redis-py connects again, if the keys have moved."""
        try:
            return super().read_response(*args, **options)
        except (MovedError, AskError, ReadOnlyError, ClusterDownError, TryAgainError) as fault:
            self.disconnect()  # type: ignore[no-untyped-call]  # as in redis-py
            raise RedisConnectionError(f"RQ's keys are not at this node ({fault}); it is asked who has them") from fault


class OwnerSSLConnection(OwnerConnection, SSLConnection):
    """The same with TLS."""


def client(owner: Owner, **options: Any) -> Redis:
    """Return a client. `options`: as for redis-py's clients, with `ssl` for TLS."""
    options = dict(options)
    kind = OwnerSSLConnection if options.pop("ssl", False) else OwnerConnection
    options["retry"] = Retry(ExponentialWithJitterBackoff(cap=1.0, base=0.05), retries=3)
    return Redis(connection_pool=ConnectionPool(connection_class=kind, owner=owner, **options))
