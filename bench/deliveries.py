"""Whole installations, from the intake to Klaviyo: Ferry's and the plain way's, with one worker each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

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
    """`ferry web`, `ferry scheduler` and `ferry worker`. `klaviyo`: settings that name it."""
    scheduler, worker = python("-m", "ops", "scheduler"), python("-m", "ops", "worker")
    with redis_server(folder, "ferry") as url, rivals.ferry(url, folder, 1) as rival:
        redis = rival.redis
        values = {"REDIS_URL": url, "FERRY_VAR": str(folder), **klaviyo}
        with (
            program(folder / "scheduler.log", scheduler, values, lambda: bool(redis.exists(keys.HEARTBEAT))),
            program(folder / "worker.log", worker, values, lambda: bool(doorbell.workers(redis))),
        ):
            yield rival


@contextmanager
def plain_way(folder: Path, klaviyo: Mapping[str, str]) -> Iterator[Rival]:
    """gunicorn and `rq worker`. `klaviyo`: settings that name it."""
    with redis_server(folder, "plain") as url, rivals.plain_way(url, folder) as rival:
        command = python("-m", "rq.cli", "worker", "--url", url, "--quiet", "plain")
        values = {"REDIS_URL": url, "KLAVIYO_REVISION": REVISION, **klaviyo}
        with program(folder / "rq.log", command, values, lambda: bool(rival.redis.exists("rq:workers"))):
            yield rival


def open_changes(redis: Redis, audience: int) -> int:
    """Changes of an audience that Ferry has taken and not settled."""
    return count(redis, [Queue(CONNECTION, "audience", str(audience))])[0].open
