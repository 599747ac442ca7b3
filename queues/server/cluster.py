"""The clients of a Redis Cluster, which behave like those of one server.

They connect at first use, so that a process starts while no node is up. redis-py's errors of a cluster, which are plain
exceptions, become `redis.ConnectionError` here. Figures of the server (INFO, CONFIG) come from all masters, as the
worst of them (nodes.py). RQ does not run on a cluster client: it gets the client of one server, `rq`, which connects to
the node that has RQ's keys.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Self, cast

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.cluster import ClusterNode as AsyncClusterNode
from redis.cluster import ClusterNode, ClusterPipeline, RedisCluster

from queues.server import nodes, slot_owner
from queues.server.cluster_async import AsyncCluster
from queues.server.cluster_url import RQ_TAG, read, translated


class _Pipeline(ClusterPipeline):
    """A pipeline with the errors of one server."""

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send the commands and return the answers in their order."""
        with translated():
            return list(super().execute(raise_on_error))


class _Cluster(RedisCluster):
    """redis-py's client, with the errors of one server."""

    def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        """Send one command."""
        with translated():
            return super().execute_command(*args, **kwargs)  # type: ignore[no-untyped-call]  # as in redis-py

    def pipeline(self, transaction: bool | None = None, shard_hint: None = None) -> _Pipeline:
        """Return a pipeline; with `transaction`, all its keys must be in one slot."""
        return _Pipeline(
            nodes_manager=self.nodes_manager,
            commands_parser=self.commands_parser,
            startup_nodes=list(self.nodes_manager.startup_nodes.values()),
            result_callbacks=self.result_callbacks,
            cluster_response_callbacks=self.cluster_response_callbacks,
            reinitialize_steps=self.reinitialize_steps,
            retry=self.retry,
            lock=self._lock,
            transaction=bool(transaction),
        )


class ClusterClient:
    """The client of a cluster, made at first use: redis-py's own asks the nodes when it is made.

    What is not defined here is a method of redis-py's client. `rq`: the client for RQ.
    """

    def __init__(self, url: str, **options: Any) -> None:
        read_url = read(url)
        self._nodes = read_url.nodes
        self._options = {**options, **read_url.options}
        self._lock = threading.Lock()
        self._made: _Cluster | None = None
        self.rq: Redis = slot_owner.client(self._owner_of_rq, **self._options)

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

    def _client(self) -> _Cluster:
        with self._lock, translated():
            if self._made is None:
                known = [ClusterNode(host, port) for host, port in self._nodes]  # type: ignore[no-untyped-call]
                # Not all slots: while some have no node, the others go on. MOVED corrects one slot, no connection.
                self._made = _Cluster(
                    startup_nodes=known, require_full_coverage=False, reinitialize_steps=0, **self._options
                )
            return self._made

    def _owner_of_rq(self) -> tuple[str, int]:
        """Return host and port of the node that has RQ's keys now. Raises redis.RedisError."""
        client = self._client()
        with translated():
            client.nodes_manager.initialize()
            node = client.get_node_from_key(RQ_TAG)  # type: ignore[no-untyped-call]
        return str(node.host), int(node.port)


def client(url: str, **options: Any) -> Redis:
    """Return a client for processes that may wait."""
    # The methods are the same; redis-py's own classes have no common base.
    return cast(Redis, ClusterClient(url, **options))


def client_async(url: str, **options: Any) -> AsyncRedis:
    """Return an asyncio client."""
    found = read(url)
    known = [AsyncClusterNode(host, port) for host, port in found.nodes]
    more = {**options, **found.options}
    made = AsyncCluster(startup_nodes=known, require_full_coverage=False, reinitialize_steps=0, **more)
    return cast(AsyncRedis, made)


def is_spread(redis: Redis | AsyncRedis) -> bool:
    """Return whether this is the client of a cluster, whose partitions have histories of their own."""
    return isinstance(redis, ClusterClient | AsyncCluster)


def at_node_of(redis: AsyncRedis, key: str) -> dict[str, Any]:
    """Return the option that sends a command without keys to the server that has `key`, within a pipeline."""
    return {"target_nodes": redis.get_node_from_key(key)} if isinstance(redis, AsyncCluster) else {}


async def by_node(redis: AsyncRedis, wanted: Sequence[str]) -> list[list[int]]:
    """Return the places of these keys, grouped by the server that has them; one group unless it is a cluster.

    Raises redis.RedisError while no node of a cluster was ever reached.
    """
    if isinstance(redis, AsyncCluster):
        return await redis.by_node(wanted)
    return [[*range(len(wanted))]] if wanted else []
