"""Run complete installations, from the intake or the ledger to Klaviyo: Ferry's and the plain way's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from redis import Redis

from bench import rivals
from bench.messages import CONNECTION
from bench.processes import program, python, redis_server
from bench.rivals import Rival
from klaviyo.revision import REVISION
from queues import doorbell, keys
from queues.census import count
from queues.names import Queue


@contextmanager
def ferry(folder: Path, klaviyo: Mapping[str, str]) -> Iterator[Rival]:
    """Run `ferry web`, `ferry scheduler` and one `ferry worker`. `klaviyo`: the settings for reaching it."""
    with (
        redis_server(folder, "ferry") as url,
        rivals.ferry(url, folder, 1) as rival,
        delivery(rival.redis, folder, {"REDIS_URL": url, **klaviyo}, 1),
    ):
        yield rival


@contextmanager
def without_intake(
    folder: Path, settings: Mapping[str, str], workers: int, *, limits: bool = True
) -> Iterator[tuple[Redis, tuple[int, ...]]]:
    """Run `ferry scheduler` and so many `ferry worker`; yield their ledger, and the pids of the workers.

    `settings`: besides the URL of the ledger.
    `limits`: whether they apply Klaviyo's limits.
    """
    with (
        redis_server(folder, "ferry") as url,
        Redis.from_url(url) as redis,
        delivery(
            redis, folder, {"REDIS_URL": url, **settings}, workers, "commands" if limits else "bench.unlimited"
        ) as pids,
    ):
        yield redis, pids.workers


class DeliveryPids(NamedTuple):
    """The pids of the processes that deliver."""

    scheduler: int
    workers: tuple[int, ...]


@contextmanager
def delivery(
    redis: Redis, folder: Path, settings: Mapping[str, str], workers: int, module: str = "commands"
) -> Iterator[DeliveryPids]:
    """Run `ferry scheduler` and so many `ferry worker` on a ledger; yield their pids.

    `settings`: besides the folder.
    """
    scheduler, worker = python("-m", "commands", "scheduler"), python("-m", module, "worker")
    values = {"FERRY_VAR": str(folder), **settings}
    with ExitStack() as stack:
        beats = partial(redis.exists, keys.HEARTBEAT)
        ticking = stack.enter_context(program(folder / "scheduler.log", scheduler, values, lambda: bool(beats())))
        pids = []
        for i in range(workers):
            log = folder / f"worker-{i}.log"
            pids.append(stack.enter_context(program(log, worker, values, partial(_listen, redis, i + 1))).pid)
        yield DeliveryPids(ticking.pid, tuple(pids))


def _listen(redis: Redis, workers: int) -> bool:
    return len(doorbell.workers(redis)) == workers


@contextmanager
def plain_way(folder: Path, klaviyo: Mapping[str, str]) -> Iterator[Rival]:
    """Run gunicorn and `rq worker`. `klaviyo`: the settings for reaching it."""
    with redis_server(folder, "plain") as url, rivals.plain_way(url, folder) as rival:
        command = python("-m", "rq.cli", "worker", "--url", url, "--quiet", "plain")
        values = {"REDIS_URL": url, "KLAVIYO_REVISION": REVISION, **klaviyo}
        with program(folder / "rq.log", command, values, lambda: bool(rival.redis.exists("rq:workers"))):
            yield rival


def open_changes(redis: Redis, audience: int) -> int:
    """Return the number of changes of an audience that Ferry accepted and has not settled."""
    return count(redis, [Queue(CONNECTION, "audience", str(audience))])[0].open
