"""The key and the people go to Klaviyo's base URL, over TLS that proves itself, and to nobody else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from redis import Redis

from ops.checks.network import network_checks
from queues import batches, holds
from queues.clock import now_ms
from tests.support.strangers import answering, self_signed
from tests.support.world import QUEUE, World
from worker.probe import probe
from worker.process import settings_of_process

KEY = "pk_canary0123456789"
PERSON = "canary@example.com"


@pytest.fixture
def world_at(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], World]]:
    """Makes a world whose Klaviyo is at some address."""

    def made(url: str) -> World:
        monkeypatch.setenv("KLAVIYO_BASE_URL", url)
        settings_of_process.cache_clear()
        return World(redis, url)

    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "FERRY_CONNECTIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("KLAVIYO_API_KEY", KEY)
    settings_of_process.cache_clear()
    yield made
    settings_of_process.cache_clear()


def delivered_once(world: World) -> str:
    """Take one person and ring once; the batch, which is open still."""
    world.change("add", PERSON)
    batch_id = world.take()
    world.ring(batch_id)
    assert world.counts()["open"] == 1, "nothing is lost"
    assert world.attempts(batch_id) == 0
    return batch_id


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_redirect_is_not_followed_and_holds_the_connection(
    world_at: Callable[[str], World], status: int, host: str
) -> None:
    with answering(200) as elsewhere, answering(status, f"http://{host}:{elsewhere.port}/api/lists") as redirecting:
        world = world_at(f"http://127.0.0.1:{redirecting.port}")
        delivered_once(world)
        assert KEY in redirecting.seen[0], "the base URL is trusted"
        assert elsewhere.seen == []
    held = holds.of_connections(world.redis)["default"]
    assert (held.reason, "base URL" in held.resolve) == ("redirected", True)
    assert KEY not in repr(held)


def test_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent(
    world_at: Callable[[str], World], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    context, _ = self_signed(tmp_path)
    with answering(200, tls=context) as impostor, caplog.at_level(logging.DEBUG):
        world = world_at(f"https://127.0.0.1:{impostor.port}")
        delivered_once(world)
        *_, tls = network_checks(f"https://localhost:{impostor.port}")
    assert impostor.seen == []
    held = holds.of_connections(world.redis)["default"]
    assert (held.reason, held.probed) == ("certificate_refused", True)
    assert all(word in held.resolve for word in ("KLAVIYO_BASE_URL", "REQUESTS_CA_BUNDLE", "clock"))
    assert "default is held (certificate_refused)" in caplog.text
    assert (tls.ok, "certificate refused: self-signed" in tls.detail) == (False, True), "ferry doctor says why"
    assert "REQUESTS_CA_BUNDLE" in tls.remedy
    assert KEY not in caplog.text
    assert PERSON not in caplog.text


def test_a_certificate_for_another_address_is_refused_even_when_it_is_trusted(
    world_at: Callable[[str], World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, certificate = self_signed(tmp_path, "127.0.0.2")
    with answering(200, tls=context) as impostor:
        world = world_at(f"https://127.0.0.1:{impostor.port}")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        delivered_once(world)
    assert impostor.seen == []
    assert holds.of_connections(world.redis)["default"].reason == "certificate_refused"


def test_a_refused_certificate_is_probed_and_the_batch_goes_on_when_klaviyo_proves_itself(
    world_at: Callable[[str], World], url: str, tmp_path: Path
) -> None:
    context, _ = self_signed(tmp_path)
    with answering(200, tls=context) as impostor:
        world = world_at(f"https://127.0.0.1:{impostor.port}")
        batch_id = delivered_once(world)
        probe("default")
        assert holds.confirmations(world.redis) == {"default": 1}
    world = world_at(url)
    world.control("keys", keys=[{"key": KEY}])
    probe("default")
    assert holds.of_connections(world.redis) == {}
    for _ in range(3):
        world.ring(batch_id)
    assert world.members() == {PERSON}


def test_a_certificate_that_the_operator_trusts_is_taken(
    world_at: Callable[[str], World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, certificate = self_signed(tmp_path)
    with answering(503, tls=context) as trusted:
        world = world_at(f"https://127.0.0.1:{trusted.port}")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        world.change("add", PERSON)
        world.ring(world.take())
    assert KEY in trusted.seen[0], "so the tests above refuse for the reason they name"


def test_a_handshake_that_breaks_off_says_nothing_of_the_certificate_and_is_tried_again(
    world_at: Callable[[str], World], caplog: pytest.LogCaptureFixture
) -> None:
    with answering(200) as plain, caplog.at_level(logging.WARNING):
        world = world_at(f"https://127.0.0.1:{plain.port}")
        batch_id = delivered_once(world)
    assert "network:SSLError" in caplog.text
    assert "tried again in" in caplog.text
    assert batches.to_ring(world.redis, now_ms() + 700_000) == [batch_id]
    assert holds.of_queue(world.redis, QUEUE) is None


def test_the_strangers_of_these_tests_would_be_reached_by_a_client_that_follows() -> None:
    with answering(200) as elsewhere, answering(302, f"http://127.0.0.1:{elsewhere.port}/") as redirecting:
        requests.get(f"http://127.0.0.1:{redirecting.port}/", timeout=30)
    assert len(elsewhere.seen) == 1
