"""The clients of a Redis Cluster, which behave like those of one server.

They connect at first use, so that a process starts while no node is up. redis-py's errors of a cluster, which are plain
exceptions, become `redis.ConnectionError` here. Figures of the server (INFO, CONFIG) come from all masters, as the
worst of them (nodes.py). RQ does not run on a cluster client: it gets the client of one server, `rq`, which connects to
the node that has RQ's keys.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, Self, cast
from urllib.parse import urlsplit

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.cluster import ClusterNode as AsyncClusterNode
from redis.asyncio.cluster import ClusterPipeline as AsyncClusterPipeline
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.cluster import ClusterNode, ClusterPipeline, RedisCluster
from redis.connection import parse_url
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException
from redis.exceptions import TimeoutError as RedisTimeoutError

from queues.server import nodes, slot_owner

SCHEMES: Final = ("redis+cluster", "rediss+cluster")
_PORT: Final = 6379
#: Seconds between two questions for the topology after faults: each closes the connections to all nodes.
ASK_AGAIN_S: Final = 1.0
#: The hash tag of RQ's keys. Not from keys.py, which reads FERRY_PREFIX when it is imported: the settings, which import
#: this module, may still set it. The node with this tag also tells the time: all processes must ask the same one.
RQ_TAG: Final = "{ferry-rq}"


@dataclass(frozen=True, slots=True)
class ClusterUrl:
    """A parsed URL. `nodes`: some nodes of the cluster, which name the others. `options`: for each connection."""

    nodes: tuple[tuple[str, int], ...]
    options: dict[str, Any] = field(repr=False)


def is_cluster(url: str) -> bool:
    """Return whether a URL names nodes of a Redis Cluster."""
    return urlsplit(url).scheme in SCHEMES


def read(url: str) -> ClusterUrl:
    """Parse a URL of SCHEMES. Raises ValueError, which quotes nothing of the URL, if it is malformed."""
    parts = urlsplit(url)
    who, _, hosts = parts.netloc.rpartition("@")
    if parts.path.strip("/") not in ("", "0"):
        raise ValueError("a Redis Cluster has database 0 only: redis+cluster://host:6379,host:6379")
    found = tuple(place(host, _PORT, "node: redis+cluster://host:6379,host:6379") for host in hosts.split(","))
    scheme = parts.scheme.partition("+")[0]
    # redis-py parses the rest, so that a URL's query means the same as for one server.
    options = parse_url(f"{scheme}://{who}@host/?{parts.query}")  # type: ignore[no-untyped-call]
    secured = options.pop("connection_class", None) is not None
    if options.pop("db", 0):
        raise ValueError("a Redis Cluster has database 0 only; leave db out")
    del options["host"]
    return ClusterUrl(found, {**options, "ssl": secured} if secured else options)


def place(host: str, port: int, what: str) -> tuple[str, int]:
    """Return host and port of one part of a URL. `port`: if the part has none. Raises ValueError that names `what`."""
    parts = urlsplit(f"//{host}")
    name = what.partition(":")[0]
    if not parts.hostname:
        raise ValueError(f"each {name} is a host, or a host and a port{what.removeprefix(name)}")
    try:
        return parts.hostname, parts.port or port
    except ValueError:
        raise ValueError(f"the port of a {name} is not a number from 0 to 65535") from None


@contextmanager
def _translated() -> Iterator[None]:
    """Raise redis.ConnectionError for what redis-py raises while the nodes are away or its connections are closed."""
    try:
        yield
    except (RedisClusterException, RuntimeError, AttributeError) as fault:
        # The last two: redis-py's asyncio client, when a connection is closed under a command. Texts other than that
        # one may quote the command, and with it people's data.
        text = str(fault)
        why = text if text.startswith("Redis Cluster cannot be connected") else type(fault).__name__
        raise RedisConnectionError(f"the Redis Cluster cannot be used: {why}") from None


class _Pipeline(ClusterPipeline):
    """A pipeline with the errors of one server."""

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send the commands and return the answers in their order."""
        with _translated():
            return list(super().execute(raise_on_error))


class _Cluster(RedisCluster):
    """redis-py's client, with the errors of one server."""

    def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        """Send one command."""
        with _translated():
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
        with _translated():
            node = client.get_node_from_key(RQ_TAG)  # type: ignore[no-untyped-call]  # as in redis-py
        return cast("tuple[int, int]", client.execute_command("TIME", target_nodes=node))

    def _of_masters(self, *words: str) -> list[Any]:
        client = self._client()
        masters = client.get_primaries()  # type: ignore[no-untyped-call]  # as in redis-py
        return [client.execute_command(*words, target_nodes=node) for node in masters]

    def _client(self) -> _Cluster:
        with self._lock, _translated():
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
        with _translated():
            client.nodes_manager.initialize()
            node = client.get_node_from_key(RQ_TAG)  # type: ignore[no-untyped-call]
        return str(node.host), int(node.port)


class _AsyncPipeline(AsyncClusterPipeline):
    """A pipeline with the errors of one server. After a fault, the next command asks for the topology first."""

    cluster_client: AsyncCluster

    async def execute(self, raise_on_error: bool = True, allow_redirections: bool = True) -> list[Any]:
        """Send the commands and return the answers in their order."""
        try:
            with _translated():
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
                with _translated():
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
            with _translated():
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
        with _translated():
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
