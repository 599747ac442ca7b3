"""Whose Redis this is: one installation's, which every process names by FERRY_INSTALLATION, or nobody's yet.

The first process to use an empty Redis writes down its name, or one made up where it has none. From the first process
on that came with the name, one without is a stranger: it may be staging's, with the address of production.
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
    """`since`: ms. `named`: whether a process came with this name; until then those without one are taken for its."""

    name: str
    since: int
    named: bool

    def admits(self, installation: str | None) -> bool:
        """Whether a process may use the Redis; `installation`: its name, None where it has none. Pure."""
        return installation == self.name or (installation is None and not self.named)


def owner(redis: Redis) -> Owner | None:
    """Whose it is; None where nobody has used it yet. Writes nothing."""
    name, since, named = cast("list[bytes | None]", redis.hmget(keys.INSTALLATION, "id", "since", "named"))
    return Owner(name.decode(), int(since or 0), named is not None) if name else None


def claim(redis: Redis, installation: str | None) -> None:
    """Make sure that the Redis is this installation's; it becomes that where it is nobody's.

    Raises NotOurs, with nothing written. A Redis that is full lets its owner in: only its workers can make room.
    """
    try:
        found = owner(redis) or _take(redis, installation)
        if not found.admits(installation):
            raise NotOurs(refusal(found, installation))
        if installation and not found.named:
            redis.hset(keys.INSTALLATION, "named", 1)
    except OutOfMemoryError:
        log.warning("Redis is full, so it cannot be written down whose it is; the next start of a process tries again")


def _take(redis: Redis, installation: str | None) -> Owner:
    # One field decides, for two installations may come at the same moment.
    redis.hsetnx(keys.INSTALLATION, "id", installation or secrets.token_hex(8))
    redis.hsetnx(keys.INSTALLATION, "since", now_ms())
    found = owner(redis)
    if found is None:  # emptied in this very moment
        return _take(redis, installation)
    return found


def refusal(found: Owner, installation: str | None) -> str:
    """Whose it is, whose this process is, and what to do."""
    own = f"is of installation {installation}" if installation else "names none (FERRY_INSTALLATION is not set)"
    return (
        f"it belongs to installation {found.name}, since {moment(found.since)}, and this process {own}. Nothing was "
        "written. If both are one installation, set "
        f"FERRY_INSTALLATION={found.name} here; if not, give this one a Redis of its own (REDIS_URL), or keys of its "
        "own in this one (FERRY_PREFIX)."
    )
