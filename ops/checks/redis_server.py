"""Checks of Redis: the server, and the state of the processes as the ledger has it."""

from __future__ import annotations

import re
import socket
import statistics
import time
from collections.abc import Mapping
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from intake.readiness import Check, contents, durable, eviction, persistence_check, scheduler
from ops.status_words import clock_off
from queues import clock
from queues.census import Census, take_summary
from queues.server.connection import Durability
from queues.server.installation import owner, refusal
from text.wording import plural

#: The name of the check whether Redis belongs to this installation.
INSTALLATION: Final = "installation"
_OLDEST = (6, 2)
_PINGS = 20
#: ms. A delivery takes about ten round trips, an acceptance one.
_SLOW_MS = 20.0
_FULL = 0.75


def redis_checks(redis: Redis, asked: Durability) -> list[Check]:
    """Check the server and the ledger in it. Raises RedisError when the server does not answer."""
    return [*server_checks(redis, asked), *_ledger(redis)]


def server_checks(redis: Redis, asked: Durability) -> list[Check]:
    """Check the server only, not the processes. `asked`: what it must confirm. Raises RedisError if it is down."""
    info = redis.info()
    config = config_of(redis)
    return [
        _version(info),
        _latency(redis),
        persistence_check(info, config, snapshots_do=False),
        eviction(info, config),
        *durable(asked, info, config),
        _memory(info),
    ]


def owner_check(redis: Redis, installation: str | None) -> Check:
    """Check whether Redis belongs to this installation. Raises RedisError."""
    found = owner(redis)
    if found is not None and not found.admits(installation):
        return Check(
            INSTALLATION,
            False,
            f"Redis belongs to another installation: {refusal(found, installation)}",
            "see the detail",
        )
    if installation is None:
        named = found.name if found else "a name of your choice"
        detail = (
            "FERRY_INSTALLATION is not set: Ferry cannot notice another installation that uses this Redis by mistake"
        )
        return Check(INSTALLATION, True, detail, f"set FERRY_INSTALLATION on every process, to {named}")
    return Check(INSTALLATION, True, installation if found else f"{installation}; this Redis has not been used yet")


def config_of(redis: Redis) -> dict[str | None, str | None] | None:
    """Return Redis' settings for persistence and eviction, or None if the provider forbids CONFIG."""
    try:
        return redis.config_get("save", "appendfsync", "maxmemory-policy")
    except RedisError:  # many providers forbid it; the checks report what they could not see
        return None


def _version(info: dict[str, Any]) -> Check:
    version = str(info.get("redis_version", "unknown"))
    valkey = info.get("valkey_version")
    name = f"Valkey {valkey}, compatible with Redis {version}" if valkey else f"Redis {version}"
    found = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if found < _OLDEST:
        return Check("redis", False, f"{name}: too old", "run Redis 6.2 or newer, or Valkey")
    if info.get("role") == "slave":
        return Check("redis", False, f"{name}, a replica, which accepts no writes", "set REDIS_URL to the primary")
    return Check("redis", True, name)


def _latency(redis: Redis) -> Check:
    times = []
    for _ in range(_PINGS):
        began = time.perf_counter()
        redis.ping()
        times.append((time.perf_counter() - began) * 1000)
    median = statistics.median(times)
    detail = f"round trip {median:.1f} ms (median), {max(times):.1f} ms (maximum)"
    return Check("latency", True, detail, "" if median < _SLOW_MS else "run Redis closer to the processes")


def _memory(info: dict[str, Any]) -> Check:
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    detail = f"{used / 1e6:.0f} MB used"
    if most == 0:
        remedy = (
            "set maxmemory below the machine's memory: a full Redis then refuses new changes instead of being killed"
        )
        return Check("memory", True, f"{detail}, no limit", remedy)
    detail += f" of {most / 1e6:.0f} MB"
    return Check("memory", True, detail, "" if used < _FULL * most else "raise maxmemory, or let the queues drain")


def _ledger(redis: Redis) -> list[Check]:
    census = take_summary(redis)
    beat = None if census.heartbeat is None else str(census.heartbeat).encode()
    kept = contents(census.fall, census.at)
    clocks = _clocks({**census.clocks, **own_clock(redis)})
    return [scheduler(beat, census.at), _workers(census), clocks, _holds(census), kept, _equation(census)]


def own_clock(redis: Redis) -> dict[str, int]:
    """Return this machine and the ms by which its clock is ahead, empty if it is right. Raises RedisError."""
    off = clock.follow(redis, notes=False)
    return {socket.gethostname(): off} if abs(off) >= clock.OFF_MS else {}


def _clocks(off: Mapping[str, int]) -> Check:
    if not off:
        return Check("clocks", True, f"within {clock.OFF_MS // 1000} s of Redis's")
    detail = "; ".join(f"{machine}: {clock_off(ms)}" for machine, ms in sorted(off.items()))
    return Check("clocks", True, detail, "set the clocks of these machines, with NTP; Ferry goes by Redis's meanwhile")


def _workers(census: Census) -> Check:
    if not census.workers:
        return Check("workers", False, "none", "start one: ferry worker")
    return Check("workers", True, plural(len(census.workers), "worker"))


def _holds(census: Census) -> Check:
    held = [*census.holds, *(str(count.queue) for count in census.queues if count.hold)]
    if held:
        return Check(
            "holds", True, f"held: {', '.join(held)}", "see the reason with `ferry holds`, then `ferry release`"
        )
    return Check("holds", True, "none")


def _equation(census: Census) -> Check:
    wrong = [str(count.queue) for count in census.queues if count.missing]
    if wrong:
        remedy = "this is a defect in Ferry: keep the data, and report it with the output of `ferry status --json`"
        return Check("ledger", False, f"does not add up in {', '.join(wrong)}", remedy)
    total = census.totals.all
    return Check("ledger", True, f"adds up: {plural(total.accepted, 'change')} in {plural(total.queues, 'queue')}")
