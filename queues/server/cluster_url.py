"""URLs of a Redis Cluster, and redis-py's errors of one as those of one server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from redis.connection import parse_url
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException, ResponseError

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
def translated() -> Iterator[None]:
    """Raise redis.ConnectionError for what redis-py raises while the nodes are away or its connections are closed."""
    try:
        yield
    except (RedisClusterException, RuntimeError, AttributeError, KeyError) as fault:
        # The last three: redis-py's asyncio client, when a connection is closed under a command, or nobody has a slot.
        # Texts other than that one may quote the command, and with it people's data.
        text = str(fault)
        why = text if text.startswith("Redis Cluster cannot be connected") else type(fault).__name__
        raise RedisConnectionError(f"the Redis Cluster cannot be used: {_refusal(fault) or why}") from None


def _refusal(fault: BaseException) -> str:
    """Return what a node answered that was asked for the topology; redis-py takes any error for one of another kind."""
    answered = fault.__cause__.__context__ if fault.__cause__ else None
    if not isinstance(answered, ResponseError) or "cluster support disabled" in str(answered):
        return ""
    return f"a node answered: {answered}"
