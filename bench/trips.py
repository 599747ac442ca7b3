"""Count the files and calls of Ferry that a reader meets on one change, one flush or one snapshot: `make trips`.

Each walk runs once to warm up (imports, connections, caches) and once more while `sys.setprofile` records every entered
function. The intake, the scheduler's tick and the worker's task run in this process, over a real Redis and the
emulator; the emulator stands in for Klaviyo and does not count.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Final, cast

import click
import requests
import uvicorn
from redis import Redis

from bench.deliveries import delivery
from bench.errors import BenchError
from bench.messages import CONNECTION, PATH, TOKEN, message, number, phone, profile
from bench.processes import OURS, redis_server
from commands.main import main as ferry
from configuration import settings
from emulator import server as emulator
from intake import app, background
from intake.http.server import config
from queues import keys, pending
from queues.clock import now_ms
from queues.names import PARTITIONS, Queue
from queues.server.connection import connect
from scheduler.tick import tick
from worker.deliver import deliver

ROOT: Final = Path(__file__).parents[1]
#: Folders that do not count.
_APART: Final = ("bench", "emulator", "tests", ".venv")
#: Seconds within which a walk must be settled.
_PATIENCE: Final = 60.0
#: Seconds between two checks of the intake: longer than the walks take.
_NEVER_S: Final = 3600.0
_CHANGE, _FLUSH, _SNAPSHOT = "one mParticle change", "ferry flush --wait", "a CSV snapshot"


@dataclass
class Trip:
    """A recorded walk. `files`: paths from the root. `hops`: calls from one function to another, each counted once."""

    files: set[str] = field(default_factory=set)
    hops: set[tuple[str, str]] = field(default_factory=set)

    def profile(self, frame: FrameType, event: str, _argument: object) -> None:
        """Record an entered function of Ferry; see sys.setprofile."""
        if event != "call" or (entered := _name(frame)) is None:
            return
        self.files.add(entered.partition(":")[0])
        caller = frame.f_back
        while caller is not None and _name(caller) is None:
            caller = caller.f_back
        self.hops.add((_name(caller) or "" if caller else "", entered))


def _name(frame: FrameType) -> str | None:
    return _function(frame.f_code.co_filename, frame.f_code.co_qualname)


@cache
def _function(file: str, qualified: str) -> str | None:
    """Return file and function, or None for code that does not count, module bodies and comprehensions."""
    path = Path(file)
    if qualified.rpartition(".")[2].startswith("<") or not path.is_relative_to(ROOT):
        return None
    inside = path.relative_to(ROOT)
    return None if inside.parts[0] in _APART else f"{inside}:{qualified}"


class Walks:
    """The three walks over a running intake.

    Each has a name, a context for all of its runs, what comes before each run, and the function to follow.
    """

    def __init__(self, redis: Redis, intake: str, folder: Path) -> None:
        self._redis, self._intake, self._folder = redis, intake, folder
        self._known = settings.load()
        self._sent = 0

    def __iter__(self) -> Iterator[tuple[str, AbstractContextManager[object], Callable[[], None], Callable[[], None]]]:
        # A change is posted first, so that the followed one fills the queue, and for a flush to have one.
        yield _CHANGE, nullcontext(), self._post, self._change
        yield _SNAPSHOT, nullcontext(), lambda: None, self._snapshot
        # Last: the scheduler and the worker of this walk, which are not followed, would carry out the others.
        processes = delivery(self._redis, self._folder, _environment(), 1)
        yield _FLUSH, processes, self._post, self._flush

    def _change(self) -> None:
        self._post()
        self._settle()

    def _flush(self) -> None:
        ferry(["flush", f"{CONNECTION}/audience/1", "--wait"], standalone_mode=False)

    def _snapshot(self) -> None:
        self._sent += 1
        rows = "".join(f"person{self._sent}{i}@example.com\n" for i in range(3))
        url = f"{self._intake}/v1/audiences/7/members?name=VIPs&confirm=true"
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "text/csv"}
        requests.put(url, data=f"email\n{rows}", headers=headers, timeout=30).raise_for_status()
        self._settle()

    def _post(self) -> None:
        self._sent += 1
        body = message([profile(number(self._sent), 1, phone=phone(self._sent))], number(self._sent))
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        requests.post(self._intake + PATH, data=body, headers=headers, timeout=30).raise_for_status()

    def _settle(self) -> None:
        """Tick and deliver without waiting until nothing is pending or open. Raises BenchError."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            tick(self._redis, self._known.connections, now_ms())
            batches = self._open()
            if not batches and not sum(look.waiting.pending for look in pending.look(self._redis, self._queues())):
                return
            for batch in batches:
                self._redis.hset(keys.batch(batch), "lease", 1)
                deliver(batch)
        raise BenchError(f"a walk was not settled within {_PATIENCE:g} s")

    def _queues(self) -> list[Queue]:
        return pending.all_queues(self._redis)

    def _open(self) -> list[str]:
        found = cast(
            "list[list[bytes]]", [self._redis.zrange(keys.partition(n, "ring"), 0, -1) for n in range(PARTITIONS)]
        )
        return [batch.decode() for ids in found for batch in ids]


class _Following:
    """The hook of every followed thread: it records while there is a trip.

    `here`: the only thread to record, for a walk whose other threads do something else meanwhile.
    """

    trip: Trip | None = None
    here: int | None = None

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        if self.trip is not None and self.here in (None, threading.get_ident()):
            self.trip.profile(frame, event, argument)


def measure() -> dict[str, Trip]:
    """Return the recorded trip of each walk. Raises BenchError."""
    found = {}
    following = _Following()
    with _installation(following) as walks:
        for name, around, before, walk in walks:
            with around:
                for trip in (None, Trip()):
                    before()
                    following.trip, following.here = trip, threading.get_ident() if name == _FLUSH else None
                    sys.setprofile(following)
                    walk()
                    sys.setprofile(None)
                    following.trip = None
                    if trip:
                        found[name] = trip
    return {name: found[name] for name in (_CHANGE, _FLUSH, _SNAPSHOT)}


@contextmanager
def _installation(following: _Following) -> Iterator[Walks]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(redis_server(folder))
        os.environ.update(
            REDIS_URL=url,
            KLAVIYO_BASE_URL=stack.enter_context(emulator.running(job_seconds=0, limits_off=True)),
            KLAVIYO_API_KEY="pk_bench",
            FERRY_TOKENS=f"bench:{TOKEN}",
            FERRY_SECRET_KEY="a-secret-for-benchmarks-only",  # noqa: S106  # of a server that lives for seconds
            FERRY_FLUSH_SIZE="2",
            FERRY_VAR=str(folder),
        )
        intake = stack.enter_context(_intake(following))
        yield Walks(stack.enter_context(connect(url)), intake, folder)


def _environment() -> dict[str, str]:
    """Return the settings of this process, for other processes."""
    return {name: value for name, value in os.environ.items() if name.startswith(OURS)}


@contextmanager
def _intake(following: _Following) -> Iterator[str]:
    """Run the intake in a followed thread; yield its URL. What it checks beside the requests is part of no walk."""
    for name in ("ROOM_EVERY", "KEYS_EVERY", "CONNECTIONS_EVERY", "CLOCK_EVERY"):
        setattr(background, name, _NEVER_S)
    app.EVERY = _NEVER_S
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(config(app.create_app(settings.load()), "127.0.0.1", 0))
    threading.setprofile(following)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    threading.setprofile(None)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@click.command()
@click.option("--files", is_flag=True, help="List the files of each walk.")
def main(files: bool) -> None:
    """Count the files and the hops of three walks through Ferry."""
    trips = measure()
    click.echo(f"{'walk':24}{'files':>8}{'hops':>8}")
    for name, trip in trips.items():
        click.echo(f"{name:24}{len(trip.files):>8}{len(trip.hops):>8}")
        if files:
            click.echo("".join(f"  {file}\n" for file in sorted(trip.files)))


if __name__ == "__main__":
    main()
