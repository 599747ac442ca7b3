"""`rediss://` with a certificate that nobody signed, as Heroku's key-value store has."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from queues.server.connection import connect, connect_async
from tests.support.tls import secured


@pytest.fixture
def tls_port(redis_url: str, tmp_path: Path) -> Iterator[int]:
    """A port that speaks TLS for the server on its socket."""
    with secured(redis_url, tmp_path) as port:
        yield port


def test_a_self_signed_certificate_is_taken_by_every_process(tls_port: int) -> None:
    url = f"rediss://127.0.0.1:{tls_port}/0"
    with connect(url) as client:
        assert client.ping()

    async def ping() -> bool:
        async with connect_async(url) as intake:
            return bool(await intake.ping())

    assert asyncio.run(ping())


def test_a_url_may_ask_for_certificates_to_be_checked(tls_port: int) -> None:
    with (
        connect(f"rediss://127.0.0.1:{tls_port}/0?ssl_cert_reqs=required") as client,
        pytest.raises(RedisConnectionError, match=r"CERTIFICATE_VERIFY_FAILED|certificate verify failed"),
    ):
        client.ping()
