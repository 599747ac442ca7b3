"""Connections to Redis: a limit at which commands wait, and the reason when the server refuses one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError

from queues.errors import NoFreeConnection, is_too_many_clients, outage
from queues.server import pools
from queues.server.connection import connect, connect_async
from tests.support.cluster import BOTH, HOST, cluster_of
from tests.support.ops import ferry
from tests.support.valkey import serving

MOST = 4


@BOTH
def test_commands_beyond_the_limit_wait_for_a_connection(redis: Redis, redis_url: str) -> None:
    async def many() -> tuple[list[Any], int]:
        async with connect_async(redis_url, MOST) as client:
            answers = await asyncio.gather(*(client.incr(f"n{number}") for number in range(60)))
            return answers, number_of(await listed(client))

    of_others = number_of(listed(redis))
    answers, connections = asyncio.run(many())
    assert answers == [1] * 60
    assert 1 < connections - of_others <= MOST


def listed(client: Any) -> Any:
    """What a server says of its clients; to be awaited if this one is asynchronous."""
    more = {"target_nodes": "primaries"} if hasattr(client, "nodes_manager") else {}
    return client.execute_command("CLIENT LIST", **more)


def number_of(found: Any) -> int:
    """How many clients were listed."""
    return len(found if isinstance(found, list) else next(iter(found.values())))


@BOTH
def test_a_command_that_gets_no_connection_in_time_names_the_setting_and_the_next_one_goes_on(
    redis_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "WAIT_S", 0.05)

    async def wait() -> tuple[str, Any]:
        async with connect_async(f"{redis_url}?socket_timeout=120", MOST) as client:
            await client.get("warm")
            held = [asyncio.create_task(_first_of(client, "list")) for _ in range(MOST)]
            with pytest.raises(NoFreeConnection) as found:
                await _get_until_refused(client)
            await asyncio.to_thread(redis.rpush, "list", *range(MOST))
            await asyncio.gather(*held, return_exceptions=True)
            return str(found.value), await client.get("key")

    said, answer = asyncio.run(asyncio.wait_for(wait(), 100))
    assert "FERRY_REDIS_CONNECTIONS" in said
    assert answer is None


async def _get_until_refused(client: Any) -> None:
    while True:
        await client.get("key")


async def _first_of(client: Any, key: str) -> Any:
    return await client.blpop([key], timeout=0)


@pytest.fixture(params=["socket", "cluster"])
def full(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """URL of a server that takes no more clients."""
    if request.param == "socket":
        with serving(folder) as url, Redis.from_url(url) as only:
            only.config_set("maxclients", 1)
            yield url
        return
    with cluster_of(folder, 1) as nodes, Redis(HOST, nodes.ports[0]) as only:
        only.config_set("maxclients", 1)
        yield nodes.url


def test_a_server_without_room_for_another_client_is_named_as_that_over_a_socket_and_on_a_cluster(
    full: str, folder: Path
) -> None:
    async def fault() -> list[RedisError]:
        async with connect_async(full) as client:
            # On a cluster the second one is not sent: it has the reason of the first one.
            found = await asyncio.gather(client.get("key"), client.get("key"), return_exceptions=True)
            return [each for each in found if isinstance(each, RedisError)]

    with connect(full) as client, pytest.raises(RedisError) as found:
        client.get("key")
    assert is_too_many_clients(found.value)
    faults = asyncio.run(fault())
    assert len(faults) == 2
    assert all("Raise maxclients" in outage(each) for each in faults)
    told = ferry(full, folder, "status")
    assert told.exit_code == 1
    assert "Raise its maxclients" in " ".join(told.output.split())
