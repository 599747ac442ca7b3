"""What every tier of the tests shares: a real Redis-compatible server, fresh for the session, empty for each test."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from redis import Redis

from emulator.world import World
from intake.access import uses
from queues.server.connection import connect
from tests.support.cluster import ONE_NODE, cluster_of
from tests.support.emulator_api import Api
from tests.support.local_system import LocalSystem, lift_limits, local_system
from tests.support.mirrored import Mirrored, mirrored
from tests.support.valkey import VALKEY, serving

# Modules and tests live to the end: the search for garbage among them would be a third of the time of collecting.
gc.disable()

# No test depends on speed: a busy machine may take its time over any example.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
# Nor on how long another takes: what senders did is written when an intake ends, and not in the midst of a test.
uses.WRITTEN = 86_400.0


def pytest_collection_finish() -> None:
    """Search for garbage again, but never among what was collected."""
    gc.freeze()
    gc.set_threshold(10_000)  # most tests make less than that, and searching more often finds as much
    gc.enable()


@pytest.fixture(scope="session")
def redis_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server that lives as long as the session; a test may name another one's binary, or ONE_NODE."""
    if getattr(request, "param", "") == ONE_NODE:
        with cluster_of(tmp_path_factory.mktemp("redis"), 1) as nodes:
            yield nodes.url
        return
    with serving(tmp_path_factory.mktemp("redis"), getattr(request, "param", VALKEY)) as url:
        yield url


@pytest.fixture(scope="session")
def kept_redis(redis_server: str) -> Iterator[Redis]:
    """A client that lives as long as the server: to connect takes longer than to empty it."""
    with client_of(redis_server) as client:
        yield client


@pytest.fixture
def redis_url(redis_server: str, kept_redis: Redis) -> str:
    """URL of an empty server."""
    kept_redis.flushall()
    return redis_server


@pytest.fixture
def redis(redis_url: str, kept_redis: Redis) -> Redis:
    """A client of an empty server, which waits as long as a busy machine takes: what it sends is never sent twice."""
    return kept_redis


def client_of(url: str) -> Redis:
    """Ferry's own client of a cluster, and a plain one of a server."""
    return connect(url) if url.startswith("redis+cluster") else Redis.from_url(url, socket_timeout=120)


@pytest.fixture
def api(url: str) -> Iterator[Api]:
    """A caller of the emulator, which has forgotten everything."""
    with Api(url) as caller:
        caller.control("reset")
        yield caller


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short path, for the socket in it."""
    return tmp_path_factory.mktemp("d")


@pytest.fixture
def lists(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirrored]:
    """Lists that snapshots are made of, in Klaviyo and in the ledger."""
    with mirrored(redis, redis_url, monkeypatch) as found:
        yield found


@pytest.fixture
def system(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalSystem]:
    """A system of one process, whose Klaviyo is as quick as it can be."""
    lift_limits(monkeypatch)
    with local_system(redis, redis_url, World(job_seconds=0, limits_off=True), monkeypatch) as found:
        yield found
