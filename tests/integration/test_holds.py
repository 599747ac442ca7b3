"""Holds and their way out, against Klaviyo's emulator: what is held for what, and when it may go on."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

import pytest
from redis import Redis

from klaviyo.client import Klaviyo
from queues import batches, holds, schedulers
from queues.clock import now_ms
from queues.connections import accounts
from queues.holds import Hold
from queues.names import Queue
from tests.support.ops import stays_held
from tests.support.world import QUEUE, SECRET, World, addresses
from worker.probe import probe

READ_ONLY = ["lists:read", "profiles:read", "accounts:read"]


def refuse(world: World, **key: Any) -> str:
    """Klaviyo takes `pk_test` no more, or not for everything; the batch that met it."""
    world.control("keys", keys=[{"key": "pk_test", **key}])
    world.change("add", "a@example.com")
    return world.deliver(rings=1)


def test_a_connection_stays_held_while_its_key_is_refused_and_is_released_when_it_is_not(
    world: World, command: Any
) -> None:
    batch_id = refuse(world, revoked=True)
    stays_held(command("release", "default"), "default stays held (unauthenticated)", "valid private key")
    assert "default" in holds.of_connections(world.redis)
    world.control("keys", keys=[{"key": "pk_test"}])
    told = command("release", "default")
    assert (told.exit_code, told.stdout) == (0, "default was released.\n")
    assert batches.to_ring(world.redis, now_ms()) == [batch_id]


def test_force_releases_whatever_is_still_wrong_and_says_so(world: World, command: Any) -> None:
    refuse(world, revoked=True)
    told = command("release", "default", "--force")
    assert (told.exit_code, told.stdout) == (0, "default was released.\n")
    assert "Released anyway: connection on hold (unauthenticated)" in told.stderr
    assert holds.of_connections(world.redis) == {}


def test_what_a_person_holds_is_released_without_asking_klaviyo(world: World, command: Any) -> None:
    world.control("keys", keys=[{"key": "pk_test", "revoked": True}])
    holds.place(world.redis, "default", Hold("maintenance", now_ms()))
    assert command("release", "default").stdout == "default was released.\n"
    assert world.requests() == []


def test_a_key_that_may_only_read_is_not_taken_for_mended(world: World, command: Any) -> None:
    refuse(world, scopes=READ_ONLY)
    assert holds.of_connections(world.redis)["default"].reason == "forbidden"
    stays_held(command("release", "default"), "create one with the scopes")
    probe("default")
    assert holds.confirmations(world.redis) == {"default": 1}
    world.control("keys", keys=[{"key": "pk_test", "scopes": [*READ_ONLY, "lists:write", "profiles:write"]}])
    probe("default")
    assert holds.of_connections(world.redis) == {}
    assert world.members() == set(), "the question imported nobody"


@pytest.mark.parametrize("fault", ["429", "500", "reset", "403_html"])
def test_no_verdict_of_klaviyos_neither_releases_nor_confirms(world: World, command: Any, fault: str) -> None:
    refuse(world, revoked=True)
    world.control("keys", keys=[{"key": "pk_test"}])
    for _ in range(2):
        world.fault(fault, "/api/accounts")
        world.redis.delete(*world.redis.keys("ferry:limits:*") or ["none"])
        stays_held(command("release", "default"), "Ferry cannot check whether the cause is gone")
    world.fault(fault, "/api/accounts")
    world.redis.delete(*world.redis.keys("ferry:limits:*") or ["none"])
    probe("default")
    assert "default" in holds.of_connections(world.redis)
    assert holds.confirmations(world.redis) == {}


def test_a_malformed_key_of_the_cdp_holds_its_connection(world: World) -> None:
    accounts.remember(world.redis, "default", accounts.AccountSettings({}, "pk_spaced out"), accounts.Cipher([SECRET]))
    world.change("add", "a@example.com")
    world.deliver(rings=4)
    assert holds.of_connections(world.redis)["default"].reason == "api_key_malformed"
    assert world.counts()["open"] == 1


@pytest.mark.parametrize("action", ["add", "update", "remove"])
def test_a_revision_that_klaviyo_does_not_serve_holds_the_connection_and_blames_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch, action: Any
) -> None:
    monkeypatch.setattr("worker.deliver.Klaviyo", partial(Klaviyo, revision="2040-01-01"))
    world.change(action, *addresses(4))
    world.deliver(rings=1)
    held = holds.of_connections(world.redis)["default"]
    assert (held.reason, "revision" in held.resolve) == ("contract", True)
    assert world.counts() == {"accepted": 4, "open": 4, "delivered": 0, "dead": 0, "superseded": 0}


def test_a_revision_that_ends_in_the_midst_of_a_delivery_holds_the_connection(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.change("add", *addresses(4))
    world.deliver()
    world.change("remove", *addresses(4))
    monkeypatch.setattr("worker.deliver.Klaviyo", partial(Klaviyo, revision="2040-01-01"))
    world.deliver(rings=1)
    assert holds.of_connections(world.redis)["default"].reason == "contract"
    assert (world.counts()["dead"], world.counts()["open"]) == (0, 4)


def test_holds_are_listed_with_reason_remedy_error_id_and_probes(world: World, command: Any) -> None:
    assert command("holds").stdout == "Nothing is held.\n"
    refuse(world, revoked=True)
    for _ in range(2):
        probe("default")
    holds.place(world.redis, QUEUE, Hold("wrong list", now_ms()))
    connection, queue = json.loads(command("holds", "--json").stdout)
    assert (connection["held"], connection["kind"], connection["reason"]) == (
        "default",
        "connection",
        "unauthenticated",
    )
    assert (connection["probes"], connection["ends_by_itself"], bool(connection["error_id"])) == (2, True, True)
    assert (queue["held"], queue["kind"], queue["audience"]) == ("default/audience/42", "queue", "VIPs")
    assert (queue["reason"], queue["ends_by_itself"], queue["probes"]) == ("wrong list", False, 0)
    assert schedulers.may_probe(world.redis, now_ms(), 180_000)
    text = command("holds").stdout
    assert re.search(r"2 checks so far, next check in [23] min\)", " ".join(text.split())), text
    assert connection["error_id"] in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("on", ["default", Queue("default", "audience", "42")])
def test_the_first_reason_of_a_hold_stays_until_it_is_released(redis: Redis, on: Queue | str) -> None:
    assert holds.place(redis, on, Hold("first", 1))
    assert not holds.place(redis, on, Hold("second", 2))
    held = holds.of_queue(redis, Queue("default", "audience", "42"))
    assert held is not None
    assert held.reason == "first"
    assert holds.release(redis, on)
    assert not holds.release(redis, on)
    assert holds.of_queue(redis, Queue("default", "audience", "42")) is None


def test_a_hold_on_the_connection_comes_before_one_on_the_queue(redis: Redis) -> None:
    queue = Queue("default", "audience", "42")
    holds.place(redis, queue, Hold("queue", 1))
    holds.place(redis, "default", Hold("connection", 2))
    held = holds.of_queue(redis, queue)
    assert held is not None
    assert held.reason == "connection"
