"""The clients of a Redis Cluster, which behave like those of one server.

They connect at first use, so that a process starts while no node is up. redis-py's errors of a cluster, which are plain
exceptions, become `redis.ConnectionError` here. Figures of the server (INFO, CONFIG) come from all masters, as the
worst of them (nodes.py).

RQ 3.0 does not run on redis-py's cluster client: it uses its pipelines as transactions and its connection pool. All of
RQ's keys have one hash tag, so one node has them, and RQ gets the client of one server, `rq`. As with Sentinel, each
new connection asks who that is, and an answer that the keys are elsewhere, or not available, closes the connection, so
that the next attempt asks again.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final, Self, cast
from weakref import WeakSet

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.cluster import ClusterNode as AsyncClusterNode
from redis.backoff import ExponentialWithJitterBackoff
from redis.cluster import ClusterNode
from redis.connection import Connection, ConnectionPool, SSLConnection
from redis.exceptions import AskError, ClusterDownError, MovedError, ReadOnlyError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from queues.server import nodes
from queues.server.cluster_async import AsyncCluster
from queues.server.cluster_sync import NODE_TIMEOUT, Cluster
from queues.server.cluster_url import RQ_TAG, read, translated
from queues.server.pools import Turns

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


class ClusterClient:
    """The client of a cluster, made at first use: redis-py's own asks the nodes when it is made.

    What is not defined here is a method of redis-py's client. `rq`: the client for RQ.
    """

    def __init__(self, url: str, **options: Any) -> None:
        read_url = read(url)
        self._nodes = read_url.nodes
        self._options = {**options, **read_url.options}
        self._lock = threading.Lock()
        self._made: Cluster | None = None
        _clients.add(self)
        self.rq: Redis = _rq_client(self._owner_of_rq, self._options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client(), name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self.rq.close()
        if self._made is not None:
            self._made.close()

    def info(self, section: str | None = None) -> dict[str, Any]:
        """Return what INFO says of the worst of the masters (nodes.worst)."""
        return nodes.worst(self._of_masters("INFO", *(() if section is None else (section,))))

    def config_get(self, *names: str) -> dict[str, str]:
        """Return what CONFIG says of the worst of the masters (nodes.weakest)."""
        return nodes.weakest(self._of_masters("CONFIG GET", *names))

    def ping(self) -> bool:
        """Return whether all masters answer. Raises redis.RedisError if one does not."""
        return all(self._of_masters("PING"))

    def time(self) -> tuple[int, int]:
        """Return the seconds and microseconds of the one node that tells the time."""
        client = self._client()
        with translated():
            node = client.get_node_from_key(RQ_TAG)  # type: ignore[no-untyped-call]  # as in redis-py
        return cast("tuple[int, int]", client.execute_command("TIME", target_nodes=node))

    def _of_masters(self, *words: str) -> list[Any]:
        client = self._client()
        masters = client.get_primaries()  # type: ignore[no-untyped-call]  # as in redis-py
        return [client.execute_command(*words, target_nodes=node) for node in masters]

    def _client(self) -> Cluster:
        with self._lock, translated():
            if self._made is None:
                known = [ClusterNode(host, port) for host, port in self._nodes]  # type: ignore[no-untyped-call]
                # Not all slots: while some have no node, the others go on. MOVED corrects one slot, no connection.
                self._made = Cluster(
                    startup_nodes=known, require_full_coverage=False, reinitialize_steps=0, **self._options
                )
            return self._made

    def hold(self, held: ExitStack) -> None:
        """Keep other threads from the topology until `held` ends; wait for one that asks for it."""
        held.enter_context(self._lock)
        if self._made is not None:
            # In this order, as redis-py does.
            held.enter_context(self._made.nodes_manager._initialization_lock)
            held.enter_context(self._made.nodes_manager._lock)
            held.enter_context(self._made._lock)

    def _owner_of_rq(self) -> tuple[str, int]:
        """Return host and port of the node that has RQ's keys now. Raises redis.RedisError."""
        client = self._client()
        with translated():
            client.nodes_manager.initialize()
            node = client.get_node_from_key(RQ_TAG)  # type: ignore[no-untyped-call]
        return str(node.host), int(node.port)


#: A fork would copy a lock that another thread holds, such as that of RQ's subscription, which asks for the topology
#: when it connects anew; nobody would ever release the copy. redis-py's pools get new locks after a fork, the rest does
#: not.
_clients: Final = WeakSet[ClusterClient]()
_held: Final = ExitStack()


def _before_fork() -> None:
    for each in list(_clients):
        each.hold(_held)


os.register_at_fork(before=_before_fork, after_in_parent=_held.close, after_in_child=_held.close)


def _rq_client(owner: Owner, options: dict[str, Any]) -> Redis:
    options = {**options, "retry": Retry(ExponentialWithJitterBackoff(cap=1.0, base=0.05), retries=3)}
    kind = OwnerSSLConnection if options.pop("ssl", False) else OwnerConnection
    return Redis(connection_pool=ConnectionPool(connection_class=kind, owner=owner, **options))


def client(url: str, **options: Any) -> Redis:
    """Return a client for processes that may wait."""
    # The methods are the same; redis-py's own classes have no common base.
    return cast(Redis, ClusterClient(url, **{**options, "socket_timeout": NODE_TIMEOUT}))


def client_async(url: str, most: int | None, **options: Any) -> AsyncRedis:
    """Return an asyncio client. `most`: connections that it may have to each node, with the one for the topology."""
    found = read(url)
    known = [AsyncClusterNode(host, port) for host, port in found.nodes]
    more = {**options, **found.options}
    turns = Turns(most and most - 1)
    made = AsyncCluster(turns, startup_nodes=known, require_full_coverage=False, reinitialize_steps=0, **more)
    return cast(AsyncRedis, made)


def is_spread(redis: Redis | AsyncRedis) -> bool:
    """Return whether this is the client of a cluster, whose partitions have histories of their own."""
    return isinstance(redis, ClusterClient | AsyncCluster)


def at_node_of(redis: AsyncRedis, key: str) -> dict[str, Any]:
    """Return the option that sends a command without keys to the server that has `key`, within a pipeline."""
    return {"target_nodes": redis.get_node_from_key(key)} if isinstance(redis, AsyncCluster) else {}


def node_of(redis: AsyncRedis, key: str) -> str:
    """Return the name of the server that has a key, as far as is known; empty unless it is a cluster."""
    return redis.node_of(key) if isinstance(redis, AsyncCluster) else ""


async def by_node(redis: AsyncRedis, wanted: Sequence[str]) -> list[list[int]]:
    """Return the places of these keys, grouped by the server that has them; one group unless it is a cluster.

    Raises redis.RedisError while no node of a cluster was ever reached.
    """
    if isinstance(redis, AsyncCluster):
        return await redis.by_node(wanted)
    return [[*range(len(wanted))]] if wanted else []
