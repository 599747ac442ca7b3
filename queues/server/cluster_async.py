"""The asyncio client of a Redis Cluster, which behaves like that of one server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any, Self, cast

from redis.asyncio.cluster import ClusterNode as AsyncClusterNode
from redis.asyncio.cluster import ClusterPipeline as AsyncClusterPipeline
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.cluster import PRIMARY
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MovedError, RedisClusterException
from redis.exceptions import TimeoutError as RedisTimeoutError

from queues.server import nodes
from queues.server.cluster_url import ASK_AGAIN_S, RQ_TAG, translated
from queues.server.pools import Turns


class _AsyncPipeline(AsyncClusterPipeline):
    """A pipeline with the errors of one server. After a fault, the client asks for the topology.

    If one of its commands is for a certain node, such as WAIT, none is sent to another: what a moved slot's new node
    would write, nobody would have waited for. Such a command fails, and the next one goes to the new node.
    """

    cluster_client: AsyncCluster
    _is_bound = False

    def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        """Queue a command."""
        self._is_bound |= "target_nodes" in kwargs
        return super().execute_command(*args, **kwargs)

    async def execute(self, raise_on_error: bool = True, allow_redirections: bool = True) -> list[Any]:
        """Send the commands and return the answers in their order."""
        try:
            async with self.cluster_client.turn():
                answers = list(await super().execute(raise_on_error, allow_redirections and not self._is_bound))
        except (RedisConnectionError, RedisTimeoutError, OSError):
            self.cluster_client.outdated()
            raise
        if any(isinstance(each, RedisConnectionError | RedisTimeoutError | OSError) for each in answers):
            self.cluster_client.outdated()
        for each in answers:
            if isinstance(each, MovedError):
                await self.cluster_client.nodes_manager.move_slot(each)
        return answers


#: Whether redis-py calls from within a command: to repeat it elsewhere, or to close the client after CLUSTERDOWN,
#: under the commands of other tasks.
_in_command: ContextVar[bool] = ContextVar("_in_command", default=False)


class AsyncCluster(AsyncRedisCluster):
    """redis-py's client, with the errors of one server.

    After a fault it asks for the topology at most once a second, and keeps the connections of other tasks. No command
    waits for that: the node that is asked may be the one that hangs.
    """

    def __init__(self, turns: Turns, **options: Any) -> None:
        super().__init__(**options)
        self._turns = turns
        self._is_known = False
        self._asked_at = float("-inf")
        self._first = asyncio.Lock()
        self._why = ""
        self._asking: asyncio.Task[None] | None = None

    def outdated(self) -> None:
        """Ask for the topology, beside the commands."""
        is_asking = self._asking is not None and not self._asking.done()
        if self._is_known and not is_asking and time.monotonic() - self._asked_at >= ASK_AGAIN_S:
            self._asked_at = time.monotonic()
            self._asking = asyncio.get_running_loop().create_task(self._ask_again())

    async def _ask_again(self) -> None:
        with suppress(Exception):  # no node answers: the known topology stays, and the next fault asks again
            await self.nodes_manager.initialize()

    async def initialize(self, *_: Any, **more: Any) -> Self:
        """Ask for the topology the first time. Raises redis.RedisError."""
        if not self._is_known:
            await self._ask_first()
        elif self._initialize:  # redis-py wants it after a fault
            self._initialize = False
            self.outdated()
        return self

    async def _ask_first(self) -> None:
        """Ask for the topology and the commands; of those who wait for the answer, one asks at most once a second."""
        async with self._first:
            if self._is_known:
                return
            if time.monotonic() - self._asked_at < ASK_AGAIN_S:
                raise RedisConnectionError(self._why)
            try:
                with translated():
                    await super().initialize()
                self._is_known = True
            except RedisConnectionError as fault:
                self._why = f"no node of the Redis Cluster answered within the last second: {fault}"
                raise
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
            if self._asking is not None:
                self._asking.cancel()
                await asyncio.gather(self._asking, return_exceptions=True)
            await super().aclose()

    def get_node(
        self, host: str | None = None, port: int | None = None, node_name: str | None = None
    ) -> AsyncClusterNode | None:
        """Return a node. One that was just added has no slots yet, so only the answer that leads to it names it."""
        found: AsyncClusterNode | None = super().get_node(host, port, node_name)
        if found is None and node_name:
            host, _, named = node_name.rpartition(":")
            found = AsyncClusterNode(host, int(named), PRIMARY, **self.nodes_manager.connection_kwargs)
            self.nodes_manager.set_nodes(self.nodes_manager.nodes_cache, {node_name: found})
        return found

    async def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        """Send one command."""
        await self.initialize()
        async with self.turn():
            return await super().execute_command(*args, **kwargs)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Have a turn for a command, or go on in that of the command that needs this one."""
        if _in_command.get():
            with translated():
                yield
            return
        async with self._turns.one():
            token = _in_command.set(True)
            try:
                with translated():
                    yield
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

    def node_of(self, key: str) -> str:
        """Return the name of the node that has a key, as far as is known; empty if nobody has it."""
        try:
            return str(self.get_node_from_key(key).name)  # type: ignore[union-attr]  # None is for replicas
        except RedisClusterException:
            return ""

    async def by_node(self, wanted: Sequence[str]) -> list[list[int]]:
        """Return the places of these keys, grouped by the node that has them; see `by_node`."""
        await self.initialize()
        found: dict[str, list[int]] = {}
        for index, key in enumerate(wanted):
            found.setdefault(self.node_of(key), []).append(index)  # what nobody has fails by itself
        return [*found.values()]
