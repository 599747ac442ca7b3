"""What a worker process has once and its deliveries inherit: the settings, and the client of Redis."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from redis import Redis

from configuration import settings
from configuration.settings import Settings
from queues.server.connection import connect

_inherited: list[Redis] = []


@cache
def settings_of_process() -> Settings:
    """Return the settings, read in the worker before it forks. Raises SettingsError."""
    return settings.load()


@contextmanager
def sharing(redis: Redis) -> Iterator[None]:
    """Let the deliveries that are forked in the block use this client.

    After a fork redis-py makes new connections; what a cluster's client knows of its nodes and commands, which takes it
    a tenth of a second to learn, stays.
    """
    _inherited.append(redis)
    try:
        yield
    finally:
        _inherited.remove(redis)


@contextmanager
def ledger() -> Iterator[Redis]:
    """Yield the client of the worker process, or one of its own for a delivery outside of one."""
    if _inherited:
        yield _inherited[-1]
        return
    with connect(settings_of_process().redis_url) as redis:
        yield redis
