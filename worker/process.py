"""What a worker process prepares once, and its deliveries inherit: each delivery is a process forked from it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from typing import Final

from redis import Redis

from configuration import settings
from configuration.settings import Settings
from klaviyo.client import Klaviyo
from mappings import numbering
from queues import batches
from queues.connections.accounts import Cipher
from queues.server.connection import connect
from worker.connection import limiter_of

_inherited: list[Redis] = []
#: New objects after which Python searches for garbage: more than a batch of 10,000 people has. Its default of 700 suits
#: programs that keep little.
_NEW_OBJECTS: Final = 500_000


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


def warm(redis: Redis) -> None:
    """Do once in the worker what each delivery would do again after the fork. Sends nothing. Raises SettingsError.

    The patterns of phone numbers are compiled, scripts are read, keys are derived, and what `limits` and `requests`
    import or look up when they are first used is there.
    """
    known = settings_of_process()
    Cipher(known.secret_keys)
    numbering.prepare()
    batches.prepare()
    with closing(Klaviyo(known.klaviyo_base_url, "no-key", limiter_of(redis, ""))):
        pass
    # A delivery then never searches for garbage among these objects, which would also copy their memory.
    gc.freeze()
    # The people of a large batch stay to its end: searching among them finds nothing, and took a fifth of its time.
    gc.set_threshold(_NEW_OBJECTS)
