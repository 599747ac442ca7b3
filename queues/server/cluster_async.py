"""The asyncio client of a Redis Cluster, which behaves like that of one server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Self, cast

from redis.asyncio.cluster import ClusterPipeline as AsyncClusterPipeline
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException
from redis.exceptions import TimeoutError as RedisTimeoutError

from queues.server import nodes
from queues.server.cluster_url import ASK_AGAIN_S, RQ_TAG, translated


class _AsyncPipeline(AsyncClusterPipeline):
    """A pipeline with the errors of one server. After a fault, the next command asks for the topology first."""

    cluster_client: AsyncCluster

    async def execute(self, raise_on_error: bool = True, allow_redirections: bool = True) -> list[Any]:
        """Send the commands and return the answers in their order."""
        try:
            with translated():
                answers = list(await super().execute(raise_on_error, allow_redirections))
        except (RedisConnectionError, RedisTimeoutError, OSError):
            self.cluster_client.outdated()
            raise
        if any(isinstance(each, RedisConnectionError | RedisTimeoutError | OSError) for each in answers):
            self.cluster_client.outdated()
        return answers


#: Whether redis-py itself closes the client: after CLUSTERDOWN, under the commands of other tasks.
_in_command: ContextVar[bool] = ContextVar("_in_command", default=False)


class AsyncCluster(AsyncRedisCluster):
    """redis-py's client, with the errors of one server.

    After a fault it asks for the topology at most once a second, and keeps the connections of other tasks.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._is_known = False
        self._asked_at = float("-inf")
        self._first = asyncio.Lock()

    def outdated(self) -> None:
        """Let the next command ask for the topology."""
        self._initialize = True

    async def initialize(self, *_: Any, **more: Any) -> Self:
        """Ask for the topology, unless that was done within the second. Raises redis.RedisError the first time."""
        if not self._is_known:
            await self._ask_first()
        elif self._initialize:
            self._initialize = False
            if time.monotonic() - self._asked_at >= ASK_AGAIN_S:
                self._asked_at = time.monotonic()
                with suppress(Exception):  # no node answers: the known topology stays, and the command fails
                    await self.nodes_manager.initialize()
        return self

    async def _ask_first(self) -> None:
        """Ask for the topology and the commands; of those who wait for the answer, one asks at most once a second."""
        async with self._first:
            if self._is_known:
                return
            if time.monotonic() - self._asked_at < ASK_AGAIN_S:
                raise RedisConnectionError("no node of the Redis Cluster answered within the last second")
            try:
                with translated():
                    await super().initialize()
                self._is_known = True
            finally:
                self._asked_at = time.monotonic()

    async def __aenter__(self) -> Self:
        """Begin a block that closes the client at its end; as with one server, nothing is asked yet."""
        await self._increment_usage()
        return self

    async def aclose(self) -> None:
        """Close all connections, unless redis-py asks for it within a command: then ask for the topology."""
        if _in_command.get():
            self.outdated()
        elif self._is_known:
            self._is_known = self._initialize = False
            await super().aclose()

    async def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        """Send one command."""
        await self.initialize()
        token = _in_command.set(True)
        try:
            with translated():
                return await super().execute_command(*args, **kwargs)
        finally:
            _in_command.reset(token)

    def pipeline(self, transaction: bool | None = None, shard_hint: None = None) -> _AsyncPipeline:
        """Return a pipeline, never a transaction: redis-py would start a thread for each of its commands.

        Commands with keys of one slot use one connection and so keep their order.
        """
        return _AsyncPipeline(self, False)  # type: ignore[abstract]  # as in redis-py

    async def info(self, section: str | None = None, *_: Any, **__: Any) -> dict[str, Any]:
        """Return what INFO says of the worst of the masters (nodes.worst)."""
        return nodes.worst(await self._of_masters("INFO", *(() if section is None else (section,))))

    async def config_get(self, *names: str, **_: Any) -> dict[str, str]:  # type: ignore[override]
        """Return what CONFIG says of the worst of the masters (nodes.weakest)."""
        return nodes.weakest(await self._of_masters("CONFIG GET", *names))

    async def time(self, **_: Any) -> tuple[int, int]:
        """Return the seconds and microseconds of the one node that tells the time."""
        await self.initialize()
        with translated():
            node = self.get_node_from_key(RQ_TAG)
        return cast("tuple[int, int]", await self.execute_command("TIME", target_nodes=node))

    async def _of_masters(self, *words: str) -> list[Any]:
        await self.initialize()
        return [await self.execute_command(*words, target_nodes=node) for node in self.get_primaries()]

    async def by_node(self, wanted: Sequence[str]) -> list[list[int]]:
        """Return the places of these keys, grouped by the node that has them; see `by_node`."""
        await self.initialize()
        found: dict[str, list[int]] = {}
        for index, key in enumerate(wanted):
            try:
                node = self.get_node_from_key(key)
            except RedisClusterException:  # nobody has the slot: its calls fail by themselves
                found.setdefault("", []).append(index)
            else:
                found.setdefault(node.name if node else "", []).append(index)
        return [*found.values()]
