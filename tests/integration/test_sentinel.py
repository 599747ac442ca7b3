"""A primary behind Sentinels is lost: its replica takes over, and Ferry goes on with it by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from emulator.server import running
from ops.ledger import address
from queues.server.connection import connect, connect_async
from tests.support.group import Group
from tests.support.klaviyo import Account
from tests.support.model import address as person
from tests.support.model import list_name, message
from tests.support.proxied_system import environment
from tests.support.sentinels import Sentinels
from tests.support.waiting import until
from tests.support.web import Sender


@pytest.fixture
def sentinels(tmp_path: Path) -> Iterator[Sentinels]:
    with Sentinels(tmp_path) as found:
        yield found


def test_both_clients_find_the_primary_past_a_sentinel_that_is_down(sentinels: Sentinels) -> None:
    with connect(sentinels.url) as redis:
        redis.set("known", "before")
        assert redis.info("server")["tcp_port"] == sentinels.primary
        sentinels.kill_primary()
        until(lambda: served_by(redis) == sentinels.replica)
        assert redis.get("known") == b"before"

    async def ask() -> object:
        async with connect_async(sentinels.url) as intake:
            return await intake.get("known")

    assert asyncio.run(ask()) == b"before"


def served_by(redis: Redis) -> int:
    """The port of the primary; 0 where it cannot be asked."""
    try:
        return int(redis.info("server")["tcp_port"])
    except RedisError:  # the Sentinels may not have told each other yet
        return 0


def test_what_was_accepted_before_a_failover_is_delivered_after_it(sentinels: Sentinels, tmp_path: Path) -> None:
    with running(job_seconds=0, limits_off=True) as url:
        klaviyo = Account(url)
        with Group(environment(sentinels.url, url), tmp_path, "web", "scheduler", "worker") as group:
            sender = Sender(group.port)
            sender.post_until_accepted(message("42", "add", range(2)))
            sentinels.kill_primary()
            # The processes are those of before; five changes make the queue due.
            sender.post_until_accepted(message("42", "add", range(2, 5)))
            until(lambda: klaviyo.members(list_name("42")) == {person(number) for number in range(5)})
            assert all(group.runs(name) for name in group.names), "the worker starts RQ's again by itself"
        klaviyo.close()


def test_a_message_about_sentinels_names_them_and_no_password() -> None:
    url = "redis+sentinel://ferry:hunter2@one:26379,two:26379/mymaster/0?sentinel_password=hunter3"
    assert address(url) == "redis+sentinel://one:26379,two:26379/mymaster/0"
