"""The connection to a Redis that Sentinels watch: they are asked who the primary is, at each new connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.asyncio.sentinel import SentinelConnectionPool as AsyncSentinelConnectionPool
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel

from queues.server import cluster_url
from queues.server.pools import Limited

SCHEMES: Final = ("redis+sentinel", "rediss+sentinel")
_PORT: Final = 26379


@dataclass(frozen=True, slots=True)
class SentinelUrl:
    """A parsed URL. `options`: for the connections to Redis; `asking`: for those to the Sentinels."""

    sentinels: tuple[tuple[str, int], ...]
    name: str
    options: dict[str, Any] = field(repr=False)
    asking: dict[str, Any] = field(repr=False)


def read(url: str) -> SentinelUrl:
    """Parse a URL of SCHEMES. Raises ValueError, which quotes nothing of the URL, if it is malformed."""
    parts = urlsplit(url)
    who, _, hosts = parts.netloc.rpartition("@")
    name, _, database = parts.path.strip("/").partition("/")
    if not name:
        raise ValueError("the name of the primary is missing after the Sentinels: redis+sentinel://host:26379/mymaster")
    if not (database or "0").isdecimal():
        raise ValueError("the part after the name of the primary is not the number of a database")
    what = "Sentinel: redis+sentinel://host:26379,host:26379/name"
    sentinels = tuple(cluster_url.place(host, _PORT, what) for host in hosts.split(","))
    scheme = parts.scheme.partition("+")[0]
    # redis-py parses the rest, so that a URL's query means the same as without Sentinels.
    options = parse_url(f"{scheme}://{who}@host/{database}?{parts.query}")  # type: ignore[no-untyped-call]
    secured = options.pop("connection_class", None) is not None
    del options["host"]
    password = options.pop("sentinel_password", None)
    tls = {key: value for key, value in options.items() if key.startswith("ssl_")} | {"ssl": secured}
    return SentinelUrl(sentinels, unquote(name), {**options, "ssl": secured}, {**tls, "password": password})


def client(url: str, asking: dict[str, Any], **options: Any) -> Redis:
    """Return a client of the primary. `asking`: more options for the Sentinels; `options`: more options for Redis."""
    watched = read(url)
    # No retries: the next Sentinel is asked instead.
    asked = {**asking, **watched.asking, "retry": Retry(NoBackoff(), 0)}
    sentinels = Sentinel(watched.sentinels, sentinel_kwargs=asked)  # type: ignore[no-untyped-call]
    options |= watched.options
    made: Redis = sentinels.master_for(watched.name, **options)  # type: ignore[no-untyped-call]
    return made


class _Pool(Limited, AsyncSentinelConnectionPool):
    """A pool that also closes the connections to the Sentinels, which redis-py leaves open."""

    async def aclose(self) -> None:
        """Close all connections."""
        await super().aclose()
        for sentinel in self.sentinel_manager.sentinels:
            await sentinel.aclose()


def client_async(url: str, asking: dict[str, Any], **options: Any) -> AsyncRedis:
    """Return an asyncio client of the primary."""
    watched = read(url)
    asked = {**asking, **watched.asking, "retry": AsyncRetry(NoBackoff(), 0)}
    sentinels = AsyncSentinel(watched.sentinels, sentinel_kwargs=asked)  # type: ignore[no-untyped-call]
    made: AsyncRedis = sentinels.master_for(watched.name, connection_pool_class=_Pool, **{**options, **watched.options})
    return made
