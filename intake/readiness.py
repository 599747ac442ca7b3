"""`GET /healthz` and `GET /readyz`: whether Ferry can accept changes and will deliver them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import falcon
import falcon.asgi
import msgspec
from msgspec import Meta, Struct
from redis.asyncio import Redis
from redis.exceptions import RedisError

from queues import keys
from queues.clock import now_ms
from queues.server import rollback
from queues.server.connection import LOCAL, Durability, obstacle
from queues.server.rollback import Rollback

#: ms without a tick after which the scheduler counts as dead.
FRESH: Final = 30_000
#: ms for which a ledger that was emptied or went back in time is a failure, so that monitors see it. Afterwards it is a
#: warning, so that audiences that are sent again are accepted.
LOUD: Final = 600_000


_Config = Mapping[str | None, str | None] | None


class Check(Struct, frozen=True):
    """One check. `ok` with a remedy is a warning: it works, but could work better."""

    name: str
    ok: bool
    detail: str
    remedy: Annotated[str, Meta(description="What to do; empty when there is nothing to do.")] = ""


class ReadinessAnswer(Struct, frozen=True):
    """Whether Ferry accepts and delivers changes."""

    ready: bool
    checks: list[Check]


async def checks(redis: Redis, now: int, asked: Durability = LOCAL) -> list[Check]:
    """Run all checks, in two or three round trips. `now`: ms. `asked`: how durable an acceptance must be."""
    try:
        async with redis.pipeline(transaction=False) as pipe:
            pipe.get(keys.HEARTBEAT)
            rollback.queue_up(pipe)
            heartbeat, noted, emptied = await pipe.execute()
        # Not in the pipeline: it has no key, and on a cluster all masters are asked.
        info = await redis.info()
    except (RedisError, OSError) as fault:
        return [Check("redis", False, f"no answer: {type(fault).__name__}", "start Redis, or correct REDIS_URL")]
    config = await config_of(redis)
    return [
        Check("redis", True, "answers"),
        scheduler(heartbeat, now),
        contents(rollback.read(noted, emptied), now),
        persistence_check(info, config),
        eviction(info, config),
        *durable(asked, info, config),
    ]


async def config_of(redis: Redis) -> _Config:
    """Return the settings that CONFIG shows; None when the provider of the server forbids CONFIG."""
    try:
        return await redis.config_get("save", "appendfsync", "maxmemory-policy")
    except (RedisError, OSError):
        return None


def scheduler(heartbeat: bytes | None, now: int) -> Check:
    """Check whether a scheduler ticks. `heartbeat`: ms of its last tick."""
    if heartbeat is None:
        return Check("scheduler", False, "no scheduler has ticked lately", "start one: ferry scheduler")
    age = now - int(heartbeat)
    if age < FRESH:
        return Check("scheduler", True, f"ticked {max(0, age) / 1000:.1f} s ago")
    return Check("scheduler", False, f"last ticked {age / 1000:.0f} s ago", "check its log and start it again")


def contents(fall: Rollback | None, now: int) -> Check:
    """Check whether accepted changes are still there. `fall`: the rollback that was noticed and not acknowledged."""
    if fall is None:
        return Check("contents", True, "kept")
    return Check("contents", now - fall.noticed >= LOUD, str(fall), rollback.REMEDY)


def durable(asked: Durability, info: Mapping[str, Any], config: _Config) -> list[Check]:
    """Check whether the server can confirm the durability that is asked for; empty when none is asked for."""
    if not asked.waits:
        return []
    found = obstacle(asked, info, (config or {}).get("appendfsync"))
    if found is None:
        return [Check("durable", True, f"confirms {asked}")]
    return [Check("durable", False, f"FERRY_DURABLE={asked}: {found.detail}", found.remedy)]


def persistence_check(info: dict[str, Any], config: _Config, *, snapshots_do: bool = True) -> Check:
    """Check whether accepted changes survive a restart of Redis.

    `snapshots_do`: Redis snapshots without an append-only file are a warning instead of a failure.
    """
    if info.get("aof_enabled"):
        if info.get("aof_last_write_status", "ok") != "ok":
            return Check(
                "persistence", False, "the last write of the append-only file failed", "free the disk of Redis"
            )
        fsync = _known(config, "appendfsync")
        synced = "set appendfsync everysec (or always): a machine crash can lose half a minute" if fsync == "no" else ""
        return Check("persistence", True, f"append-only file, fsync {fsync}", synced)
    remedy = "set appendonly yes and appendfsync everysec (or always) in Redis"
    if config is None:
        detail = "unknown: no append-only file, and this Redis forbids CONFIG"
        return Check("persistence", True, detail, "ask its provider whether it is persistent")
    if config.get("save"):
        return Check(
            "persistence", snapshots_do, "snapshots only: a crash of Redis loses some minutes of changes", remedy
        )
    return Check("persistence", False, "none: a restart of Redis loses all accepted changes", remedy)


def eviction(info: dict[str, Any], config: _Config) -> Check:
    """Check whether a full Redis refuses new changes instead of deleting accepted ones."""
    policy = info.get("maxmemory_policy") or (config or {}).get("maxmemory-policy")
    if policy is None:
        return Check(
            "eviction", True, "unknown: this Redis shows no eviction policy", "ask its provider for noeviction"
        )
    if policy == "noeviction":
        return Check("eviction", True, policy)
    return Check(
        "eviction",
        False,
        f"{policy}: a full Redis deletes accepted changes",
        "set maxmemory-policy noeviction in Redis",
    )


def _known(config: _Config, name: str) -> str:
    return (config or {}).get(name) or "unknown"


class Health:
    """Answers that the process is up."""

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Always answer 200."""
        resp.data = b'{"status":"up"}'


class Readiness:
    """Answers whether Ferry accepts and delivers changes."""

    def __init__(self, redis: Redis, asked: Durability) -> None:
        self._redis = redis
        self._asked = asked

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer 200 when every check is ok, 503 otherwise; each check has its remedy."""
        found = await checks(self._redis, now_ms(), self._asked)
        ready = all(check.ok for check in found)
        resp.status = falcon.HTTP_200 if ready else falcon.HTTP_503
        resp.data = msgspec.json.encode(ReadinessAnswer(ready, found))
