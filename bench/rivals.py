"""The compared intakes: Ferry's and the plain way's, each with a token and a Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import msgspec
from redis import Redis

from bench.errors import BenchError
from bench.load import Load, Result
from bench.messages import TOKEN, marked
from bench.processes import cpu_s, environment, free_port, listens, program, python, run_to_end
from queues.census import take_census
from queues.server.connection import connect

#: Audiences that the changes are spread over, and connections that they arrive on.
AUDIENCES = 8
CONNECTIONS = 32
#: At most as long as what is counted.
WARM_UP_S = 0.5


@dataclass(frozen=True, slots=True)
class Rival:
    """A running intake, at one or more ports. `stored`: counts the changes in its Redis. `pids`: its processes."""

    name: str
    ports: tuple[int, ...]
    redis: Redis
    stored: Callable[[Redis], int]
    pids: tuple[int, ...] = ()

    def cpu_s(self) -> float:
        """Return the CPU seconds that its processes have used so far."""
        return cpu_s(self.pids)


class Empty(NamedTuple):
    """Running processes of the empty Falcon app: their ports and their pids."""

    ports: tuple[int, ...]
    pids: tuple[int, ...]


@contextmanager
def ferry(url: str, folder: Path, processes: int, **more: str) -> Iterator[Rival]:
    """Run so many `ferry web` processes. `more`: additional settings."""
    ports = tuple(free_port() for _ in range(processes))
    values = {"REDIS_URL": url, "FERRY_TOKENS": f"bench:{TOKEN}", "FERRY_VAR": str(folder), **more}
    with ExitStack() as stack:
        redis = stack.enter_context(connect(url))
        pids = []
        for port in ports:
            command = python("-m", "commands", "web", "--host", "127.0.0.1", "--port", str(port))
            web = stack.enter_context(program(folder / f"web-{port}.log", command, values, partial(listens, port)))
            pids.append(web.pid)
        yield Rival("Ferry", ports, redis, lambda redis: sum(q.accepted for q in take_census(redis).queues), (*pids,))


@contextmanager
def plain_way(url: str, folder: Path) -> Iterator[Rival]:
    """Run Flask and RQ on gunicorn: two processes of 16 threads. Raises BenchError if they are not installed."""
    if find_spec("flask") is None or find_spec("gunicorn") is None:
        raise BenchError("the plain way needs Flask and gunicorn, which `make bench` installs")
    port = free_port()
    config = str(Path(__file__).with_name("gunicorn_conf.py"))
    command = python("-m", "gunicorn", "-c", config, "--bind", f"127.0.0.1:{port}", "bench.plain_way:app")
    values = {"REDIS_URL": url, "TOKEN": TOKEN}
    with program(folder / "plain.log", command, values, lambda: listens(port)), Redis.from_url(url) as redis:
        yield Rival("plain", (port,), redis, lambda redis: int(redis.llen("rq:queue:plain")))


@contextmanager
def empty_app(folder: Path, processes: int) -> Iterator[Empty]:
    """Run so many processes of an app on Falcon and uvicorn that reads a request and answers 202."""
    ports, pids = tuple(free_port() for _ in range(processes)), []
    with ExitStack() as stack:
        for port in ports:
            words = ["--port", str(port), "--log-level", "warning", "--no-access-log"]
            command = python("-m", "uvicorn", "bench.empty_app:app", *words)
            app = stack.enter_context(program(folder / f"empty-{port}.log", command, {}, partial(listens, port)))
            pids.append(app.pid)
        yield Empty(ports, tuple(pids))


def warm_up(seconds: float, *rivals: Rival) -> None:
    """Load each for a while, uncounted: first requests are slow, and gunicorn is ready before all its processes are."""
    for rival in rivals:
        send(rival, 1, seconds)


def send(rival: Rival, changes: int, seconds: float, rate: float = 0.0) -> Result:
    """Load an intake with mParticle messages with so many changes; see `load`."""
    return load(rival, memberships(changes), changes, seconds, rate)


def load(rival: Rival, requests: Sequence[bytes], changes: int, seconds: float, rate: float = 0.0) -> Result:
    """Load an intake with requests with so many changes; see `bench.load.Load`. Its Redis is empty before and after.

    Raises BenchError when it did not store exactly the changes that it answered 200 or 202 for.
    """
    rival.redis.flushall()
    result = generate(rival.ports, requests, seconds, rate)
    check(rival, result, changes)
    return result


def check(rival: Rival, result: Result, changes: int) -> None:
    """Empty its Redis. Raises BenchError when that had another number of changes than it answered 200 or 202 for."""
    stored = rival.stored(rival.redis)
    rival.redis.flushall()
    if stored != result.sent * changes:
        raise BenchError(f"{rival.name} answered 200 or 202 for {result.sent * changes} changes and stored {stored}")


def memberships(changes: int) -> list[bytes]:
    """Return mParticle's requests with so many changes, one for each connection."""
    return [marked(changes, 1 + i % AUDIENCES) for i in range(CONNECTIONS)]


def generate(ports: Sequence[int], requests: Sequence[bytes], seconds: float, rate: float = 0.0) -> Result:
    """Run the load generator in a separate process, uncounted at first. Raises BenchError with its error."""
    work = Load(list(ports), list(requests), seconds, min(WARM_UP_S, seconds), rate)
    done = run_to_end(python("-m", "bench.load"), environment(), msgspec.json.encode(work).decode())
    if done.returncode:
        raise BenchError(f"the load generator failed: {done.stderr.strip().splitlines()[-1]}")
    return msgspec.json.decode(done.stdout, type=Result)
