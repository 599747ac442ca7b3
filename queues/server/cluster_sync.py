"""The client of a Redis Cluster for processes that may wait, which behaves like that of one server."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from redis.cluster import PRIMARY, ClusterNode, ClusterPipeline, RedisCluster
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from queues.server.cluster_url import translated

#: Seconds to wait for an answer: less than of one server, because a node that hangs has a replica.
NODE_TIMEOUT: Final = 5.0
#: Attempts while the keys of a slot are partly at one node and partly at another; the later half, 50 ms apart.
_WHILE_MOVING: Final = 100


class _Redirected:
    """What a client and its pipelines do about a slot that moves."""

    RedisClusterRequestTTL = _WHILE_MOVING
    nodes_manager: Any

    def get_node(self, host: str | None = None, port: int | None = None, node_name: str | None = None) -> Any:
        """Return a node. One that was just added has no slots yet, so only the answer that leads to it names it."""
        found = self.nodes_manager.get_node(host, port, node_name)
        if found is None and node_name:
            host, _, named = node_name.rpartition(":")
            found = ClusterNode(host, int(named), PRIMARY)  # type: ignore[no-untyped-call]  # as in redis-py
            with self.nodes_manager._lock:
                found = self.nodes_manager.nodes_cache.setdefault(node_name, found)
        return found


class Pipeline(_Redirected, ClusterPipeline):
    """A pipeline with the errors of one server."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._once: Any = self.parent_execute_command
        self.parent_execute_command = self._again
        self._away: dict[str, RedisError] = {}

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send the commands and return the answers in their order."""
        self._away.clear()
        try:
            with translated():
                return list(super().execute(raise_on_error))
        except (RedisConnectionError, RedisTimeoutError):
            with suppress(Exception):  # a transaction does not ask for the topology by itself
                self.nodes_manager.initialize()
            raise

    def _again(self, *args: Any, **options: Any) -> Any:
        """Repeat a command that failed with others. A node that answers no attempt is not asked for each of them."""
        node = self.nodes_manager.get_node_from_slot(self.determine_slot(*args)).name
        if node in self._away:
            raise self._away[node]
        try:
            return self._once(*args, **options)
        except (RedisConnectionError, RedisTimeoutError) as fault:
            self._away[node] = fault
            raise


class Cluster(_Redirected, RedisCluster):
    """redis-py's client, with the errors of one server."""

    def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        """Send one command."""
        with translated():
            return super().execute_command(*args, **kwargs)  # type: ignore[no-untyped-call]  # as in redis-py

    def pipeline(self, transaction: bool | None = None, shard_hint: None = None) -> Pipeline:
        """Return a pipeline; with `transaction`, all its keys must be in one slot."""
        return Pipeline(
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
