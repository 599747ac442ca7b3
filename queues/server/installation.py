"""The owner of a Redis: one installation, which every process names in FERRY_INSTALLATION, or none yet.

The first process to use an empty Redis stores its name, or a random one if it has none. Once a process has used that
name, processes without a name are refused: they may belong to staging and have the address of production by mistake.
"""

from __future__ import annotations

import logging
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from redis import Redis
from redis.connection import SSLConnection
from redis.exceptions import OutOfMemoryError, ResponseError

from queues import keys
from queues.clock import now_ms
from queues.errors import NodeOfCluster, NotOurs
from queues.server.cluster import is_spread
from text.wording import moment

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner. `since`: ms. `named`: a process has used this name; until then unnamed processes are admitted."""

    name: str
    since: int
    named: bool

    def admits(self, installation: str | None) -> bool:
        """Return whether a process may use the Redis. `installation`: its name, None if it has none. Pure."""
        return installation == self.name or (installation is None and not self.named)


def owner(redis: Redis) -> Owner | None:
    """Return the owner, None if the Redis is unused. Writes nothing."""
    name, since, named = cast("list[bytes | None]", redis.hmget(keys.INSTALLATION, "id", "since", "named"))
    return Owner(name.decode(), int(since or 0), named is not None) if name else None


def claim(redis: Redis, installation: str | None) -> None:
    """Ensure that the Redis belongs to this installation; take an unused one.

    Raises NotOurs, with nothing written; NodeOfCluster for one node of a cluster. A full Redis admits its owner,
    because only its workers can make room.
    """
    refuse_node(redis)
    try:
        found = owner(redis) or _take(redis, installation)
        if not found.admits(installation):
            raise NotOurs(refusal(found, installation))
        if installation and not found.named:
            redis.hset(keys.INSTALLATION, "named", 1)
    except OutOfMemoryError:
        log.warning(
            "Redis is full, so its installation could not be recorded; the next process that starts tries again"
        )


def refuse_node(redis: Redis) -> None:
    """Raise NodeOfCluster if the client of one server has reached a node of a cluster.

    Such a node answers for its own keys and refuses the others, so a part of the messages would be accepted, and none
    of them delivered.
    """
    if is_spread(redis):
        return
    with suppress(ResponseError):  # a provider may forbid INFO
        if redis.info("cluster").get("cluster_enabled"):
            to = redis.connection_pool.connection_kwargs
            scheme = "rediss" if issubclass(redis.connection_pool.connection_class, SSLConnection) else "redis"
            raise NodeOfCluster(
                f"it is a node of a Redis Cluster. Nothing was written. Set REDIS_URL to {scheme}+cluster://"
                f"{to.get('host', 'HOST')}:{to.get('port', 'PORT')}, with its user and password, and some more nodes "
                "after commas"
            )


def _take(redis: Redis, installation: str | None) -> Owner:
    # One field decides, because two installations may start at the same moment.
    redis.hsetnx(keys.INSTALLATION, "id", installation or secrets.token_hex(8))
    redis.hsetnx(keys.INSTALLATION, "since", now_ms())
    found = owner(redis)
    if found is None:  # emptied at this moment
        return _take(redis, installation)
    return found


def refusal(found: Owner, installation: str | None) -> str:
    """Return the message that names the owner and this process's installation, and says what to do."""
    own = f"belongs to installation {installation}" if installation else "names none (FERRY_INSTALLATION is not set)"
    return (
        f"it belongs to installation {found.name}, since {moment(found.since)}, and this process {own}. Nothing was "
        "written. If both are the same installation, set "
        f"FERRY_INSTALLATION={found.name} here; if not, give this one its own Redis (REDIS_URL), or its own keys in "
        "this Redis (FERRY_PREFIX)."
    )
