"""What the integration tests share: an emulator for each module, empty for each test, and an intake."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from emulator.server import running
from klaviyo.client import Klaviyo
from queues.connections import accounts
from tests.support import canaries, posted, selftest
from tests.support import intake as intakes
from tests.support.client import OpenLimiter, client_of
from tests.support.console import Console, add_users, console
from tests.support.emulator_api import Api
from tests.support.identity_world import CONNECTIONS, IdentityWorld, identity_world
from tests.support.intake import Intake
from tests.support.marked_hearing import hearing
from tests.support.ops import LAPSED, ferry, put, settle, take
from tests.support.people import names
from tests.support.segment_world import OWN, SegmentWorld, segment_world
from tests.support.sftp import Server
from tests.support.sftp import serving as sftp_serving
from tests.support.world import SECRET, World, world_of
from worker.process import settings_of_process


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Base URL of an emulator whose import jobs are complete at once."""
    with running(job_seconds=0) as base_url:
        yield base_url


@pytest.fixture(scope="module")
def klaviyo() -> Iterator[str]:
    """Base URL of an emulator that is as quick as it can be and has no limits."""
    with running(job_seconds=0, limits_off=True) as base_url:
        yield base_url


@pytest.fixture
def world(redis: Redis, redis_url: str, klaviyo: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An audience's queue on an empty server, a worker and an empty account."""
    with world_of(redis, redis_url, klaviyo, monkeypatch) as found:
        yield found


@pytest.fixture
def command(world: World, redis_url: str, tmp_path: Path) -> Any:
    """`ferry`, with the settings of the deliveries."""
    return partial(ferry, redis_url, tmp_path, KLAVIYO_BASE_URL=world.klaviyo, FERRY_SECRET_KEY=SECRET)


@pytest.fixture
def marked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The world's deliveries use marked keys and tokens."""
    monkeypatch.setenv("KLAVIYO_API_KEY", canaries.API_KEY)
    monkeypatch.setenv("FERRY_SECRET_KEY", canaries.SECRET)
    monkeypatch.setenv("FERRY_TOKENS", f"mparticle:{canaries.TOKEN}")
    settings_of_process.cache_clear()


@pytest.fixture
def heard() -> Iterator[canaries.Heard]:
    """Everything logged in this process."""
    with hearing() as found:
        yield found


@pytest.fixture
def intake(redis_url: str) -> Iterator[Intake]:
    """An intake on an empty server."""
    with intakes.running(intakes.known(redis_url, secret_keys=(posted.SECRET,))) as started:
        yield started


@pytest.fixture(scope="module")
def steady(redis_server: str) -> Iterator[Intake]:
    """An intake that lives as long as the module; what it wrote before a test asks for `redis` is gone then."""
    with intakes.running(intakes.known(redis_server, secret_keys=(posted.SECRET,))) as started:
        yield started


@pytest.fixture(scope="module")
def served_segment(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SegmentWorld]:
    """From Segment to Klaviyo, by connection `default` without any settings and by `own`."""
    with segment_world(redis_server, OWN, tmp_path_factory.mktemp("segment")) as world:
        yield world


@pytest.fixture
def segment(served_segment: SegmentWorld) -> SegmentWorld:
    """The same with nothing in it."""
    served_segment.empty()
    return served_segment


@pytest.fixture(scope="module")
def served_identity(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityWorld]:
    """From every CDP to Klaviyo."""
    with identity_world(redis_server, CONNECTIONS, tmp_path_factory.mktemp("identity")) as world:
        yield world


@pytest.fixture
def who(served_identity: IdentityWorld) -> Iterator[IdentityWorld]:
    """The same with nothing in it.

    Afterwards every change that was accepted is accounted for, and Klaviyo got no row with the identifiers of two
    people: so it makes no difference what it does with such a row.
    """
    served_identity.empty("refuse")
    served_identity.clashes.clear()
    yield served_identity
    assert served_identity.unbalanced() == []
    assert served_identity.clashes == []


@pytest.fixture
def served(redis: Redis, redis_url: str) -> Iterator[Console]:
    """The operator's surface on an empty server, of its own for each test: a census is shown for a second."""
    with console(redis_url) as running_console:
        yield running_console


@pytest.fixture(scope="module")
def tried(redis_server: str) -> Iterator[Console]:
    """The operator's surface, one for a module."""
    with console(redis_server) as running_console:
        yield running_console


@pytest.fixture
def untried(tried: Console, redis: Redis) -> Console:
    """The same, on an empty server: whatever somebody tried before is forgotten."""
    add_users(redis)
    return tried


@pytest.fixture
def linked(world: World, redis_url: str) -> Iterator[Console]:
    """The operator's surface beside a Klaviyo that knows the key of the connection."""
    accounts.remember(world.redis, "default", accounts.AccountSettings({}, "pk_test"), accounts.Cipher([SECRET]))
    with console(redis_url, klaviyo_base_url=world.klaviyo, secret_keys=(SECRET,)) as running_console:
        yield running_console


@pytest.fixture
def letters(redis: Redis) -> Redis:
    """Three letters of VIPs for no_email, and one of each queue dead on arrival."""
    put(redis, *names(100))
    batch = take(redis)
    assert batch is not None
    settle(redis, batch, dead=3)
    put(redis, dead="ann@example.com")
    put(redis, dead="bob@example.com", queue=LAPSED, name="Lapsed")
    return redis


@pytest.fixture
def sftp_server(tmp_path: Path) -> Iterator[Server]:
    """A server for files."""
    folder = tmp_path / "server"
    folder.mkdir()
    with sftp_serving(folder) as started:
        yield started


@pytest.fixture
def client(api: Api) -> Iterator[Klaviyo]:
    """A client that neither a limiter nor the emulator stops."""
    api.control("limits", {"off": True})
    with client_of(api, OpenLimiter()) as found:
        yield found


@pytest.fixture
def selftest_account(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[selftest.Account]:
    """An account that a self-test is made in."""
    with selftest.account(redis_url, tmp_path, monkeypatch) as found:
        yield found
