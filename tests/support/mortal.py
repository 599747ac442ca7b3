"""This process dies at a request it makes of Redis or Klaviyo, as far as Ferry's code can tell, and lives again.

Faster than a child that is killed, and what a test patches into this process counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any, Literal, Self

import pytest
from redis import Redis
from redis.client import Pipeline

from klaviyo.http import Transport
from queues import scripts
from tests.support.frames import command_name
from tests.support.proxied_system import READS

_SCRIPTS = resources.files("queues").joinpath("lua").iterdir()
_NAMES = {scripts.sha(name): name for name in (file.name.removesuffix(".lua") for file in _SCRIPTS) if name[0] != "_"}


#: Requests of a worker that change nothing, besides those of the other kinds. Scripts without a name are of limits and
#: locks; these pass meanwhile, as a lease that is renewed does.
QUIET = READS | {
    "EVALSHA",
    "EVALSHA renew",
    "HEXISTS",
    "HKEYS",
    "LINDEX",
    "SMISMEMBER",
    "XRANGE",
    "ZRANGE",
    "ZREVRANGE",
}


class Died(BaseException):
    """No code of Ferry's may catch this: the process is no more."""


class Mortal:
    """`seen`: the requests since the last `kill_at`. A pipeline is one request."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._patch = pytest.MonkeyPatch()
        self._at = 0
        self._before = True
        self._armed = self._dead = False

    def __enter__(self) -> Self:
        self._wrap(Redis, "execute_command", _described)
        self._wrap(Pipeline, "execute", described_all)
        self._wrap(Transport, "send", lambda _, method, path, *__: f"{method} {path}")
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.undo()

    def kill_at(self, number: int, when: Literal["before", "after"]) -> None:
        """Die at the request of that number, from 1: before it is sent, or when it was carried out."""
        self.seen.clear()
        self._at, self._before, self._armed, self._dead = number, when == "before", True, False

    @contextmanager
    def spared(self) -> Iterator[None]:
        """Nobody dies in here, for another process does it."""
        armed, self._armed = self._armed, False
        try:
            yield
        finally:
            self._armed = armed

    def revive(self) -> bool:
        """A new process, which lives; whether the one before had died."""
        died, self._armed, self._dead = self._dead, False, False
        return died

    def _wrap(self, of: type, name: str, describe: Callable[..., str]) -> None:
        original = getattr(of, name)

        def request(this: object, *args: Any, **options: Any) -> Any:
            if not self._armed:
                return original(this, *args, **options)
            self._die(self._dead)
            self.seen.append(describe(this, *args))
            reached = len(self.seen) == self._at
            self._die(reached and self._before)
            # What this request does in its turn is not another one.
            self._armed = False
            try:
                return original(this, *args, **options)
            finally:
                self._armed = True
                self._die(reached)

        self._patch.setattr(of, name, request)

    def _die(self, now: bool) -> None:
        if now:
            self._dead = True
            raise Died


def described_all(pipe: Any) -> str:
    """The commands of a pipeline, each once."""
    names = (command_name(*map(str, args[:2])) if len(args) > 1 else str(args[0]) for args, _ in pipe.command_stack)
    return " ".join(("pipeline", *dict.fromkeys(names)))


def _described(_: object, command: str, *args: Any) -> str:
    """The command; of a script of the ledger that is one, with its name."""
    return f"{command} {_NAMES.get(args[0], '')}".rstrip() if command == "EVALSHA" else str(command)
