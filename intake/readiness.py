"""Whether Ferry can take changes and will send them on: what `/readyz` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from queues import keys

#: ms after which a scheduler that has not ticked counts as dead.
FRESH: Final = 30_000
#: ms for which a ledger that was emptied is a failure, so that monitors see it; a warning afterwards, so that the
#: audiences that are sent again come through.
LOUD: Final = 600_000


_Config = Mapping[str | None, str | None] | None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `ok` with a remedy is a warning: it works, and could work better."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


async def checks(redis: Redis, now: int) -> list[Check]:
    """All checks, in one round trip or two. `now`: ms."""
    try:
        async with redis.pipeline(transaction=False) as pipe:
            pipe.get(keys.HEARTBEAT)
            pipe.get(keys.EMPTIED)
            pipe.info("persistence")
            pipe.info("memory")
            heartbeat, emptied, persistence, memory = await pipe.execute()
    except (RedisError, OSError) as fault:
        return [Check("redis", False, f"no answer: {type(fault).__name__}", "start Redis, or correct REDIS_URL")]
    config = await _config(redis)
    return [
        Check("redis", True, "answers"),
        scheduler(heartbeat, now),
        contents(emptied, now),
        persistence_check(persistence, config),
        eviction(memory, config),
    ]


async def _config(redis: Redis) -> _Config:
    """What CONFIG says, None where the provider of the server forbids it."""
    try:
        return await redis.config_get("save", "appendfsync", "maxmemory-policy")
    except (RedisError, OSError):
        return None


def scheduler(heartbeat: bytes | None, now: int) -> Check:
    """Whether a scheduler ticks. `heartbeat`: ms of its last tick."""
    if heartbeat is None:
        return Check("scheduler", False, "no scheduler has ticked lately", "start one: ferry scheduler")
    age = now - int(heartbeat)
    if age < FRESH:
        return Check("scheduler", True, f"ticked {max(0, age) / 1000:.1f} s ago")
    return Check("scheduler", False, f"last ticked {age / 1000:.0f} s ago", "look at its log, and start it again")


def contents(emptied: bytes | None, now: int) -> Check:
    """Whether what was accepted is still there. `emptied`: ms at which a scheduler noticed that it is not."""
    if emptied is None:
        return Check("contents", True, "kept")
    age = now - int(emptied)
    remedy = "find out who ran FLUSHALL, or why Redis came back empty; then let the CDP send its audiences again"
    return Check("contents", age >= LOUD, f"the ledger was emptied {age / 60_000:.0f} minutes ago", remedy)


def persistence_check(info: dict[str, Any], config: _Config) -> Check:
    """Whether accepted changes outlive Redis."""
    if info.get("aof_enabled"):
        if info.get("aof_last_write_status", "ok") != "ok":
            return Check(
                "persistence", False, "the last write of the append-only file failed", "free the disk of Redis"
            )
        return Check("persistence", True, f"append-only file, fsync {_known(config, 'appendfsync')}")
    remedy = "set appendonly yes and appendfsync everysec (or always) in Redis"
    if config is None:
        detail = "unknown: no append-only file, and this Redis forbids CONFIG"
        return Check("persistence", True, detail, "ask its provider whether it is persistent")
    if config.get("save"):
        return Check("persistence", True, "snapshots only: a crash of Redis loses the changes of some minutes", remedy)
    return Check("persistence", False, "none: a restart of Redis loses all accepted changes", remedy)


def eviction(info: dict[str, Any], config: _Config) -> Check:
    """Whether a full Redis refuses changes, and does not throw accepted ones away."""
    policy = info.get("maxmemory_policy") or (config or {}).get("maxmemory-policy")
    if policy is None:
        return Check(
            "eviction", True, "unknown: this Redis tells no eviction policy", "ask its provider for noeviction"
        )
    if policy == "noeviction":
        return Check("eviction", True, policy)
    return Check(
        "eviction",
        False,
        f"{policy}: a full Redis throws accepted changes away",
        "set maxmemory-policy noeviction in Redis",
    )


def _known(config: _Config, name: str) -> str:
    return (config or {}).get(name) or "unknown"
