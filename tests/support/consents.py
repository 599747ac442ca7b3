"""A queue of consents, and what Klaviyo's emulator tells of them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from queues import keys
from queues.clock import now_ms
from queues.names import Queue
from queues.people.consents import State, remember
from queues.server.connection import connect_async
from tests.support.world import World, world_of
from worker.process import settings_of_process

CONSENTS = Queue("default", "consent", "consents")
#: As mParticle tells it.
GIVEN = {"gdpr_consent_state": {"newsletter": {"consented": True, "timestamp_unixtime_ms": 1_714_592_744_065}}}
PHONE, BRITISH = "+12025550123", "+447400123456"
ANN = {"email": "a@example.com", "phone_number": PHONE}


@contextmanager
def world_of_consents(redis: Redis, redis_url: str, klaviyo: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An empty account whose lists ask nobody twice."""
    with world_of(redis, redis_url, klaviyo, monkeypatch, CONSENTS) as world:
        world.control("account", opt_in_process="single_opt_in")
        yield world


def consents(world: World, address: str = "a@example.com") -> tuple[str, str, str]:
    """E-mail, SMS for marketing, SMS about orders."""
    person = world.person(address)
    assert person is not None, "Klaviyo does not know the person"
    channels = person["subscriptions"]
    sms = channels["sms"]
    return channels["email"]["marketing"]["consent"], sms["marketing"]["consent"], sms["transactional"]["consent"]


def subscribed(world: World, name: str, *people: dict[str, Any]) -> str:
    """The id of a new list, to which these people are subscribed."""
    list_id = world.create_list(name)
    world.change("subscribe", *({**person, "list_id": list_id} for person in people))
    world.deliver()
    assert world.dead() == {}
    return list_id


def waits(world: World, batch_id: str) -> float:
    """Seconds until a worker is rung for the batch."""
    ring = world.redis.zscore(keys.partition(keys.batch_partition(batch_id), "ring"), batch_id)
    assert ring is not None, "the batch is settled"
    return (ring - now_ms()) / 1000


def configure(monkeypatch: pytest.MonkeyPatch, folder: Path, *lines: str) -> None:
    """Settings of the default connection, for deliveries in this process."""
    (folder / "connections.toml").write_text("\n".join(["[connections.default]", *lines]))
    monkeypatch.setenv("FERRY_CONNECTIONS", str(folder / "connections.toml"))
    settings_of_process.cache_clear()


def told_before(redis_url: str, persons: Collection[str], state: State, connection: str = "default") -> None:
    """A CDP has told what somebody with these person keys has consented to."""

    async def tell() -> None:
        async with connect_async(redis_url) as redis:
            await remember(redis, connection, persons, state)

    asyncio.run(tell())
