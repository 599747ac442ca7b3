"""The commands' connection to Redis, the messages when it fails, and the user who calls a command."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

from redis import Redis
from redis.exceptions import AuthenticationError, BusyLoadingError, OutOfMemoryError, RedisError, ResponseError

from configuration.settings import Settings
from ops.errors import Failed, Misconfigured
from queues import clock
from queues.connections import accounts
from queues.errors import WRONG_CERTIFICATE, NodeOfCluster, NotOurs, is_too_many_clients, is_wrong_certificate
from queues.server import installation
from queues.server.connection import connect


@contextmanager
def ledger(settings: Settings, writes: bool = False) -> Iterator[Redis]:
    """Open a client for the block, and include the connections that were added in the settings.

    `writes`: check that Redis belongs to this installation. Raises Failed when a command to Redis fails, Misconfigured
    for a wrong URL, for another installation's Redis and for one node of a cluster.
    """
    try:
        redis = connect(settings.redis_url)
    except ValueError as fault:
        # Without the fault's text: a password with a slash or @ is partly read as the port.
        raise Misconfigured(
            "REDIS_URL: not an address of Redis. Write redis://user:password@host:6379/0, and / @ : # ? in the "
            "password as %2F %40 %3A %23 %3F."
        ) from fault
    try:
        if writes:
            installation.claim(redis, settings.installation)
        else:
            installation.refuse_node(redis)
        clock.follow(redis, notes=False)  # a command may be about to schedule something
        settings.connections.include(accounts.with_key(redis))
        yield redis
    except NotOurs as fault:
        raise stranger(settings, fault) from fault
    except RedisError as fault:
        raise Failed(unreachable(settings.redis_url, fault)) from fault
    finally:
        redis.close()


def stranger(settings: Settings, fault: NotOurs) -> Misconfigured:
    """Return the error for a Redis of another installation, or for one node of a cluster."""
    if isinstance(fault, NodeOfCluster):
        return Misconfigured(f"Redis at {address(settings.redis_url)} cannot be used: {fault}")
    return Misconfigured(f"Redis at {address(settings.redis_url)} does not belong to this installation: {fault}")


def address(url: str) -> str:
    """Return the address of Redis, without user and password."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"unix://{unquote(parts.path)}"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def unreachable(url: str, fault: RedisError) -> str:
    """Return the fault, its place, and the remedy."""
    return f"Redis at {address(url)} cannot be used: {_cause(fault)}\n{_remedy(url, fault)}"


def _cause(fault: RedisError) -> str:
    # redis-py's texts never contain the password; they are cut because a script's error quotes its lines.
    return " ".join(str(fault).split())[:200] or type(fault).__name__


def _remedy(url: str, fault: RedisError) -> str:
    if is_too_many_clients(fault):
        return "Raise its maxclients: docs/deploy.md, Connections to Redis, says how many Ferry needs."
    if is_wrong_certificate(fault):
        return WRONG_CERTIFICATE
    match fault:
        case AuthenticationError():
            return "Correct the user and password in REDIS_URL."
        case BusyLoadingError():
            return "It is still loading its data after a start: try again when it is done."
        case OutOfMemoryError():
            return "Its memory is full: raise maxmemory, or let the queues drain. Stored data is not lost."
        case ResponseError():
            return "Ferry needs Redis 6.2 or newer, or Valkey, with all commands allowed: see `ferry doctor`."
    if urlsplit(url).scheme == "unix":
        return "Start `ferry up`, which starts it, or set REDIS_URL to the Redis of the other processes."
    return "Start Redis there, or correct REDIS_URL. To run everything on this machine, unset it and run `ferry up`."


def by() -> str:
    """Return the user who calls a command, as the audit log shows it: `cli:<os user>`."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # in a container the user may have no name
        return f"cli:{os.getuid()}"
