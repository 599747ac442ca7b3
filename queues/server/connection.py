"""The connection to Redis, directly, through Sentinel or as a cluster, and the durability that is asked of it.

An acceptance counts once it is in Redis's memory, on its disk, or on a number of replicas.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from redis import Redis
from redis.asyncio import ConnectionPool as AsyncConnectionPool
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialWithJitterBackoff
from redis.driver_info import DriverInfo
from redis.retry import Retry

from queues.server import cluster, cluster_url, sentinel
from queues.server.pools import AsyncUnixConnection, Limited, Turns, UnixConnection, packing

SOCKET_TIMEOUT = 15.0
CONNECT_TIMEOUT = 3.0
#: ms that Redis may take to confirm; the client's time-out is three seconds.
WAIT_MS: Final = 2_000
#: WAITAOF came with Redis 7.2.
_WAITAOF: Final = (7, 2)
#: Since Redis 8, WAITAOF is correct with `everysec`. Valkey up to 9.1, which calls itself Redis 7.2, and Redis 7.4
#: confirm data that is written and not yet synced (https://github.com/redis/redis/pull/13793).
_EVERYSEC: Final = (8, 0)


class _OwnPool(Limited, AsyncConnectionPool):
    """The pool of one server."""


def _options(url: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "health_check_interval": 30,
        "client_name": "ferry",
        # Nor the library's name and version: two more round trips for each connection, and a delivery makes two.
        "driver_info": DriverInfo(name=None, lib_version=None),
    }
    if url.startswith("rediss") and "ssl_cert_reqs" not in url:
        # Heroku's certificates are self-signed and change; add ?ssl_cert_reqs=required to the URL to check them.
        options |= {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    return options


def connect(url: str) -> Redis:
    """Return a client for processes that may wait: brief faults are retried a few times, with jitter."""
    retry = Retry(ExponentialWithJitterBackoff(cap=1.0, base=0.05), retries=3)
    options = {**_options(url), "socket_timeout": SOCKET_TIMEOUT, "retry": retry}
    if urlsplit(url).scheme in sentinel.SCHEMES:
        return sentinel.client(url, _asking(url), **options)
    if cluster_url.is_cluster(url):
        return cluster.client(url, **options)
    if url.startswith("unix:"):
        options["connection_class"] = UnixConnection
    return Redis.from_url(url, **options)


def speak_briefly(redis: Redis) -> None:
    """Let connections that this client opens from now on only say what they must, for a process that ends soon.

    Such a connection is too young to be checked, and to be looked for by its name. On a cluster only RQ's change.
    """
    client = redis.rq if isinstance(redis, cluster.ClusterClient) else redis
    client.connection_pool.connection_kwargs |= {"health_check_interval": 0, "client_name": None}


def connect_async(url: str, most: int | None = None) -> AsyncRedis:
    """Return a client for the intake, which answers 503 rather than wait: no retries, a short time-out.

    A retry could also write twice, if the first attempt succeeded and only its answer was lost. `most`: connections
    that it may have, on a cluster to each node; a command without one raises NoFreeConnection after some seconds.
    """
    retry = AsyncRetry(ExponentialWithJitterBackoff(), retries=0)
    options = {**_options(url), "socket_timeout": CONNECT_TIMEOUT, "retry": retry}
    if cluster_url.is_cluster(url):
        return cluster.client_async(url, most, **options)
    if urlsplit(url).scheme in sentinel.SCHEMES:
        made = sentinel.client_async(url, _asking(url), **options)
    else:
        made = AsyncRedis.from_pool(_OwnPool.from_url(url, **options))
    pool: Any = made.connection_pool
    pool.turns = Turns(most)
    kind = AsyncUnixConnection if url.startswith("unix:") else pool.connection_class
    pool.connection_class = packing(kind)  # here, because an option would not replace what the URL says
    return made


def _asking(url: str) -> dict[str, Any]:
    return {**_options(url), "socket_timeout": CONNECT_TIMEOUT}


@dataclass(frozen=True, slots=True)
class Durability:
    """The required durability. `fsync`: on Redis's disk. `replicas`: on so many replicas. Neither: in memory."""

    fsync: bool = False
    replicas: int = 0

    def __str__(self) -> str:
        return "fsync" if self.fsync else f"replicas:{self.replicas}" if self.replicas else "local"

    @property
    def waits(self) -> bool:
        """Whether Redis must confirm an acceptance."""
        return self.fsync or self.replicas > 0

    def commands(self, mark: str) -> list[tuple[Any, ...]]:
        """Return the commands to send after the writes, on the same connection. `mark`: a key of the same server.

        The last answer goes to `confirms`. WAIT and WAITAOF wait for the last write of their own connection. A repeated
        message writes nothing, and its first copy used another connection; the mark ensures that there is a write,
        which also covers everything before it.
        """
        wait = ("WAITAOF", 1, 0, WAIT_MS) if self.fsync else ("WAIT", self.replicas, WAIT_MS)
        return [("SET", mark, 1), wait]

    def confirms(self, answers: list[Any]) -> bool:
        """Return whether these answers to `commands` confirm durability."""
        if any(isinstance(answer, Exception) for answer in answers):
            return False
        return bool(answers[-1][0] >= 1 if self.fsync else answers[-1] >= self.replicas)


LOCAL: Final = Durability()


def parse_durability(text: str) -> Durability:
    """Read a setting: `local`, `fsync` or `replicas:N`. Raises ValueError."""
    if text == "local":
        return LOCAL
    if text == "fsync":
        return Durability(fsync=True)
    if found := re.fullmatch(r"replicas:([1-9][0-9]?)", text):
        return Durability(replicas=int(found[1]))
    raise ValueError("use local, fsync, or replicas:N with N from 1 to 99")


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a server cannot confirm durability. `lasts`: it cannot until its configuration is changed."""

    detail: str
    remedy: str
    lasts: bool = True


def obstacle(asked: Durability, info: Mapping[str, Any], appendfsync: str | None) -> Obstacle | None:
    """Return why a server cannot confirm, else None. `info`: from INFO. `appendfsync`: None if unknown. Pure."""
    if asked.fsync:
        return _of_fsync(info, appendfsync)
    online = sum(
        isinstance(each, Mapping) and each.get("state") == "online"
        for name, each in info.items()
        if re.fullmatch(r"slave[0-9]+", name)
    )
    if online < asked.replicas:
        return Obstacle(
            f"{online} of {asked.replicas} replicas are connected, so every message is answered 503",
            "start the replicas; or lower FERRY_DURABLE and restart the web processes",
            lasts=False,
        )
    return None


def _of_fsync(info: Mapping[str, Any], appendfsync: str | None) -> Obstacle | None:
    valkey, redis_version = info.get("valkey_version"), str(info.get("redis_version", "0"))
    name = f"Valkey {valkey}" if valkey else f"Redis {redis_version}"
    version = tuple(int(part) for part in re.findall(r"\d+", redis_version)[:2])
    if version < _WAITAOF:
        return Obstacle(f"{name} has no WAITAOF", "run Redis 7.2 or newer, or Valkey; or set FERRY_DURABLE=local")
    if not info.get("aof_enabled"):
        return Obstacle(f"{name} keeps no append-only file", "set appendonly yes and appendfsync always in Redis")
    if appendfsync == "always" or (appendfsync != "no" and not valkey and version >= _EVERYSEC):
        return None
    return Obstacle(
        f"{name} with appendfsync {appendfsync or 'unknown'} does not confirm that data is on its disk",
        "set appendfsync always in Redis, or run Redis 8 with everysec",
    )
