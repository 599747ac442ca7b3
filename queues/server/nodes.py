"""The figures of a cluster's masters as if they were one server: the fullest counts, and the least safe settings. Pure.

A cluster is full when one of its masters is, and loses data when one of them has no append-only file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

#: From the least safe.
_FSYNC: Final = ("no", "everysec", "always")
_SAFE: Final = "noeviction"


def worst(infos: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one answer to INFO for those of several masters.

    Memory: of the fullest. Version: the oldest. Append-only file, eviction and replicas: of the one that is worst off.
    """
    fullest = max(infos, key=_fullness)
    found = dict(fullest)
    if any("redis_version" in info for info in infos):
        oldest = min(infos, key=lambda info: _version(str(info.get("redis_version", "0"))))
        found |= {name: oldest[name] for name in ("redis_version", "valkey_version") if name in oldest}
    if any("aof_enabled" in info for info in infos):
        weak = min(infos, key=lambda info: (bool(info.get("aof_enabled")), info.get("aof_last_write_status") == "ok"))
        found |= {name: weak[name] for name in ("aof_enabled", "aof_last_write_status") if name in weak}
    policies = [str(info["maxmemory_policy"]) for info in infos if "maxmemory_policy" in info]
    if policies:
        found["maxmemory_policy"] = _policy(policies)
    fewest = min(infos, key=lambda info: len(_replicas(info)))
    return {name: value for name, value in found.items() if name not in _replicas(found)} | _replicas(fewest)


def weakest(configs: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return one answer to CONFIG GET for those of several masters: for each setting the least safe value."""
    found = dict(configs[0])
    if values := [config["appendfsync"] for config in configs if "appendfsync" in config]:
        found["appendfsync"] = min(values, key=lambda value: _FSYNC.index(value) if value in _FSYNC else -1)
    if values := [config["maxmemory-policy"] for config in configs if "maxmemory-policy" in config]:
        found["maxmemory-policy"] = _policy(values)
    if values := [config["save"] for config in configs if "save" in config]:
        found["save"] = min(values, key=len)
    return found


def _fullness(info: Mapping[str, Any]) -> tuple[float, int]:
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    return (used / most if most else 0.0, used)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _replicas(info: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in info.items()
        if re.fullmatch(r"slave[0-9]+", name) and isinstance(value, Mapping) and value.get("state") == "online"
    }


def _policy(found: Sequence[str]) -> str:
    return next((policy for policy in found if policy != _SAFE), _SAFE)
