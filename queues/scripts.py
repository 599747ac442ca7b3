"""The Lua scripts, one file each in `lua/`. Every change of the ledger's state is made by one of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

from redis import Redis
from redis.client import Pipeline

#: Scripts that change a figure of a queue: they share the functions of `_common.lua` and of `_figures.lua`.
CHANGE_FIGURES: Final = frozenset(
    {"accept", "take", "settle", "settle_part", "replay", "purge", "erase", "mirror", "submit", "hold", "recount"}
)
#: Other scripts that share the functions of `_common.lua`.
_WITH_COMMON: Final = frozenset(
    {"flush", "policy", "carried", "release", "remember", "stage", "trim", "known", "index", "seek"}
)

#: Scripts that begin runs of queries: they share the function of `_runs.lua`.
_BEGIN_RUNS: Final = frozenset({"claim_slot", "order_run"})


@cache
def text(name: str) -> str:
    """Return the source of a script. `name`: the file in `lua/` without its extension."""
    folder = files("queues").joinpath("lua")
    shared = ["_common", "_figures"] if name in CHANGE_FIGURES else ["_common"] if name in _WITH_COMMON else []
    shared += ["_runs"] if name in _BEGIN_RUNS else []
    return "".join(folder.joinpath(f"{part}.lua").read_text() for part in (*shared, name))


@cache
def sha(name: str) -> str:
    """Return the SHA-1 of a script for EVALSHA."""
    return hashlib.sha1(text(name).encode(), usedforsecurity=False).hexdigest()


def run(redis: Redis, name: str, keys: list[str], args: list[Any]) -> Any:
    """Run a script; load it first if the server does not have it (a new, restarted or flushed server)."""
    return redis.register_script(text(name))(keys, args)


def queue_up(pipe: Pipeline, name: str, keys: list[str], args: Sequence[Any] = ()) -> None:
    """Put a script into a pipeline.

    It is sent as text, because a missing script could not be loaded within a pipeline; not by pipe.eval(), which
    redis-py's cluster pipeline refuses, whatever the keys.
    """
    pipe.execute_command("EVAL", text(name), len(keys), *keys, *args)  # type: ignore[no-untyped-call]  # as in redis-py
