"""A Redis Cluster whose certificates are checked: each node must have the name that it announces."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from queues.errors import outage
from queues.server.connection import connect, connect_async
from tests.support.cluster import HOST, cluster_of
from tests.support.ops import ferry
from tests.support.tls import secured

NAME = "node-1.ferry.test"


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name leads to this machine."""
    as_it_is = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **more: Any) -> Any:
        return as_it_is(HOST if host == NAME else host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@contextmanager
def node(folder: Path, first: str, announced: tuple[str, ...], *certified: str) -> Iterator[str]:
    """REDIS_URL of a cluster of one node, asked first at `first`. `certified`: names in its certificate."""
    path = folder / "node.sock"
    with secured(f"unix://{path}", folder, *certified) as port:
        options = ("--unixsocket", str(path), "--cluster-announce-port", str(port), *announced)
        with cluster_of(folder, 1, 0, *options):
            yield f"rediss+cluster://{first}:{port}?ssl_cert_reqs=required&ssl_ca_certs={folder / 'server.pem'}"


BY_NAME = ("--cluster-announce-hostname", NAME, "--cluster-preferred-endpoint-type", "hostname")
BY_ADDRESS = ("--cluster-announce-ip", HOST)


@pytest.mark.parametrize(
    ("first", "announced", "certified"), [(NAME, BY_NAME, (NAME,)), (HOST, BY_ADDRESS, ())], ids=["name", "address"]
)
def test_a_node_is_trusted_by_the_name_that_it_announces(
    folder: Path, resolved: None, first: str, announced: tuple[str, ...], certified: tuple[str, ...]
) -> None:
    async def read(url: str) -> Any:
        async with connect_async(url) as client:
            return await client.get("key")

    with node(folder, first, announced, *certified) as url, connect(url) as client:
        known: Any = client
        client.set("key", "value")
        assert known.rq.get("key") == b"value"
        assert asyncio.run(read(url)) == b"value"
        assert [each.host for each in known.get_primaries()] == [first]


@pytest.mark.parametrize(
    ("first", "announced", "certified", "wrong"),
    [(HOST, BY_NAME, (), NAME), (NAME, BY_ADDRESS, (NAME,), HOST)],
    ids=["name", "address"],
)
def test_a_node_that_announces_what_is_not_in_its_certificate_is_refused_with_the_remedy(
    folder: Path, resolved: None, first: str, announced: tuple[str, ...], certified: tuple[str, ...], wrong: str
) -> None:
    async def read(url: str) -> Any:
        async with connect_async(url) as client:
            return await client.get("key")

    with node(folder, first, announced, *certified) as url:
        with connect(url) as client, pytest.raises(RedisConnectionError, match=f"not valid for '{wrong}'") as found:
            client.get("key")
        assert "must announce the names in their certificates" in outage(found.value)
        with pytest.raises(RedisConnectionError, match=f"not valid for '{wrong}'"):
            asyncio.run(read(url))
        told = ferry(url, folder, "status")
    assert told.exit_code == 1
    assert "Nodes of a cluster must announce the names in their certificates" in " ".join(told.output.split())
