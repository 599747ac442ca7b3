"""When an acceptance counts: once Redis has it in memory, once its disk has it, or once so many replicas have it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

#: ms for which Redis may take to confirm; the client gives up on an answer after three seconds (server.py).
WAIT_MS: Final = 2_000
#: WAITAOF came with Redis 7.2.
_WAITAOF: Final = (7, 2)
#: Since Redis 8 WAITAOF is right with `everysec`. Valkey up to 9.1, which calls itself Redis 7.2, and Redis 7.4 confirm
#: what is written and not yet synced (https://github.com/redis/redis/pull/13793).
_EVERYSEC: Final = (8, 0)


@dataclass(frozen=True, slots=True)
class Durability:
    """`fsync`: the disk of Redis must have it. `replicas`: so many must have it. Neither: Redis alone, in memory."""

    fsync: bool = False
    replicas: int = 0

    def __str__(self) -> str:
        return "fsync" if self.fsync else f"replicas:{self.replicas}" if self.replicas else "local"

    @property
    def waits(self) -> bool:
        """Whether Redis is asked to confirm."""
        return self.fsync or self.replicas > 0

    def commands(self, mark: str) -> list[tuple[Any, ...]]:
        """What goes behind the writes, on their connection; the last answer goes to `confirms`. `mark`: a key to write.

        WAIT and WAITAOF wait for the last write of their own connection. A repeated message writes nothing, and its
        first copy came by another one: so there is always a write, and what came before it is waited for as well.
        """
        wait = ("WAITAOF", 1, 0, WAIT_MS) if self.fsync else ("WAIT", self.replicas, WAIT_MS)
        return [("SET", mark, 1), wait]

    def confirms(self, answers: list[Any]) -> bool:
        """Whether these answers to `commands` say that it is so."""
        if any(isinstance(answer, Exception) for answer in answers):
            return False
        return bool(answers[-1][0] >= 1 if self.fsync else answers[-1] >= self.replicas)


LOCAL: Final = Durability()


def parse(text: str) -> Durability:
    """Read a setting: `local`, `fsync` or `replicas:N`. Raises ValueError."""
    if text == "local":
        return LOCAL
    if text == "fsync":
        return Durability(fsync=True)
    if found := re.fullmatch(r"replicas:([1-9][0-9]?)", text):
        return Durability(replicas=int(found[1]))
    raise ValueError("it is local, fsync, or replicas:N with N from 1 to 99")


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a server does not confirm what was asked for. `lasts`: it will not until somebody changes something."""

    detail: str
    remedy: str
    lasts: bool = True


def obstacle(asked: Durability, info: Mapping[str, Any], appendfsync: str | None) -> Obstacle | None:
    """What keeps a server from it. `info`: of INFO. `appendfsync`: None where the server does not say. Pure."""
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
            "start the replicas; or set FERRY_DURABLE to what there is, and restart the web processes",
            lasts=False,
        )
    return None


def _of_fsync(info: Mapping[str, Any], appendfsync: str | None) -> Obstacle | None:
    valkey, told = info.get("valkey_version"), str(info.get("redis_version", "0"))
    name = f"Valkey {valkey}" if valkey else f"Redis {told}"
    version = tuple(int(part) for part in re.findall(r"\d+", told)[:2])
    if version < _WAITAOF:
        return Obstacle(f"{name} has no WAITAOF", "run Redis 7.2 or newer, or Valkey; or set FERRY_DURABLE=local")
    if not info.get("aof_enabled"):
        return Obstacle(f"{name} keeps no append-only file", "set appendonly yes and appendfsync always in Redis")
    if appendfsync == "always" or (appendfsync != "no" and not valkey and version >= _EVERYSEC):
        return None
    return Obstacle(
        f"{name} with appendfsync {appendfsync or 'unknown'} does not confirm what its disk has",
        "set appendfsync always in Redis, or run Redis 8 with everysec",
    )
