"""The Lua scripts, one file each in `lua/`. Every change of the ledger's state is made by one of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.client import Pipeline
from redis.exceptions import NoScriptError, RedisError

from queues.keys import never_written

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

#: Scripts that use keys which are not among KEYS. While the slot of a cluster moves, some of its keys are at one node,
#: some at another. Either would run a script whose KEYS it has, and the script would find its other keys missing, or
#: write them a second time. One more key, which never exists, makes both nodes refuse it until the slot has moved.
#: `accept` has such a key of its own: the mark of a message that was not seen before.
_UNDECLARED: Final = (CHANGE_FIGURES - {"accept"}) | _BEGIN_RUNS | {"census", "shares", "totals", "waiting"}


@cache
def text(name: str) -> str:
    """Return the source of a script. `name`: the file in `lua/` without its extension."""
    folder = files("queues").joinpath("lua")
    shared = ["_common", "_figures"] if name in CHANGE_FIGURES else ["_common"] if name in _WITH_COMMON else []
    shared += ["_runs"] if name in _BEGIN_RUNS else []
    return "".join(folder.joinpath(f"{part}.lua").read_text() for part in (*shared, name))


def prepare() -> None:
    """Read all scripts, for processes that are forked from this one."""
    for file in files("queues").joinpath("lua").iterdir():
        if not file.name.startswith("_"):
            sha(file.name.removesuffix(".lua"))


def sha(name: str) -> str:
    """Return the SHA-1 of a script for EVALSHA."""
    return sha_of(text(name))


@cache
def sha_of(source: str) -> str:
    """Return the SHA-1 of a script's source."""
    return hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


def _declared(name: str, keys: Sequence[str]) -> Sequence[str]:
    """Return the KEYS to send with a script. `keys`: those that its text describes."""
    return [*keys, never_written(keys[0])] if name in _UNDECLARED else keys


def run(redis: Redis, name: str, keys: list[str], args: list[Any]) -> Any:
    """Run a script, sent as text only if the server does not have it (a new, restarted or flushed server)."""
    return run_text(redis, text(name), sha(name), _declared(name, keys), args)


async def run_async(redis: AsyncRedis, name: str, keys: list[str], args: list[Any]) -> Any:
    """Run a script as `run` does."""
    return await run_text_async(redis, text(name), sha(name), _declared(name, keys), args)


def run_text(redis: Redis, source: str, digest: str, keys: Sequence[Any], args: Sequence[Any]) -> Any:
    """Run a script of another library. `digest`: its SHA-1.

    EVAL also stores it, and on the one node of a cluster that has the keys; SCRIPT LOAD would ask all of them.
    """
    try:
        return redis.evalsha(digest, len(keys), *keys, *args)
    except NoScriptError:
        return redis.eval(source, len(keys), *keys, *args)


async def run_text_async(redis: AsyncRedis, source: str, digest: str, keys: Sequence[Any], args: Sequence[Any]) -> Any:
    """Run a script of another library as `run_text` does."""
    try:
        return await redis.evalsha(digest, len(keys), *keys, *args)
    except NoScriptError:
        return await redis.eval(source, len(keys), *keys, *args)


def run_each(redis: Redis, name: str, calls: Sequence[tuple[Sequence[str], Sequence[Any]]]) -> list[Any]:
    """Run a script once for each of these keys and arguments, in one round trip; return the answers.

    A call is repeated as text if the server does not have the script. Raises redis.RedisError; other calls may have
    been carried out.
    """
    calls = [(_declared(name, keys), args) for keys, args in calls]
    with redis.pipeline(transaction=False) as pipe:
        for keys, args in calls:
            # Not pipe.evalsha(): redis-py's cluster pipeline refuses it, whatever the keys.
            pipe.execute_command("EVALSHA", sha(name), len(keys), *keys, *args)  # type: ignore[no-untyped-call]
        answers = pipe.execute(raise_on_error=False)
    for place, ((keys, args), answer) in enumerate(zip(calls, answers, strict=True)):
        if isinstance(answer, NoScriptError):
            answers[place] = redis.eval(text(name), len(keys), *keys, *args)
    if fault := next((answer for answer in answers if isinstance(answer, RedisError)), None):
        raise fault
    return answers


def run_beside(
    redis: Redis, source: str, keys: Sequence[str], args: Sequence[Any], others: Callable[[Pipeline], object]
) -> tuple[Any, list[Any]]:
    """Run a script in one round trip with the commands that `others` queues up; on one server these come before it.

    Returns the answer and those to the others, among which may be errors. Raises the script's redis.RedisError.
    """
    with redis.pipeline(transaction=False) as pipe:
        others(pipe)
        pipe.execute_command("EVALSHA", sha_of(source), len(keys), *keys, *args)  # type: ignore[no-untyped-call]
        *beside, answer = pipe.execute(raise_on_error=False)
    if isinstance(answer, NoScriptError):
        answer = redis.eval(source, len(keys), *keys, *args)
    if isinstance(answer, RedisError):
        raise answer
    return answer, beside


def queue_up(pipe: Any, name: str, keys: Sequence[str], args: Sequence[Any] = ()) -> None:
    """Put a script into a pipeline, of either client.

    It is sent as text, because a missing script could not be loaded within a pipeline; not by pipe.eval(), which
    redis-py's cluster pipeline refuses, whatever the keys.
    """
    sent = _declared(name, keys)
    pipe.execute_command("EVAL", text(name), len(sent), *sent, *args)
