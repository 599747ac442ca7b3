"""The Lua scripts, one file each in `lua/`: every change of state of the ledger is one of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from redis import Redis
from redis.client import Pipeline

#: Scripts that share the functions of `_common.lua`.
_WITH_COMMON = {
    "accept",
    "take",
    "settle",
    "replay",
    "flush",
    "policy",
    "purge",
    "carried",
    "erase",
    "remember",
    "mirror",
    "stage",
    "trim",
    "known",
}


@cache
def text(name: str) -> str:
    """The source of a script. `name`: the file in `lua/` without its ending."""
    folder = files("queues").joinpath("lua")
    source = folder.joinpath(f"{name}.lua").read_text()
    return folder.joinpath("_common.lua").read_text() + source if name in _WITH_COMMON else source


@cache
def sha(name: str) -> str:
    """What EVALSHA calls a script by."""
    return hashlib.sha1(text(name).encode(), usedforsecurity=False).hexdigest()


def run(redis: Redis, name: str, keys: list[str], args: list[Any]) -> Any:
    """Run a script; loads it first where the server does not have it (a new, restarted or flushed server)."""
    return redis.register_script(text(name))(keys, args)


def queue_up(pipe: Pipeline, name: str, keys: list[str], args: Sequence[Any] = ()) -> None:
    """Put a script into a pipeline.

    As text, for nobody can look after a script that is missing; not by pipe.eval(), which redis-py's pipeline for a
    cluster refuses, whatever the keys.
    """
    pipe.execute_command("EVAL", text(name), len(keys), *keys, *args)  # type: ignore[no-untyped-call]  # as in redis-py
