"""The owner of a Redis: one installation, which every process names in FERRY_INSTALLATION, or none yet.

The first process to use an empty Redis stores its name, or a random one if it has none. Once a process has used that
name, processes without a name are refused: they may belong to staging and have the address of production by mistake.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from typing import cast

from redis import Redis
from redis.exceptions import OutOfMemoryError

from queues import keys
from queues.clock import now_ms
from queues.errors import NotOurs
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

    Raises NotOurs, with nothing written. A full Redis admits its owner, because only its workers can make room.
    """
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
