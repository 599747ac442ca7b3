"""A key or a setting that is refused holds a connection, and a batch waits until the cause is gone."""

from __future__ import annotations

import pytest

from queues import batches, doorbell, holds, keys
from queues.clock import now_ms
from queues.connections import accounts
from scheduler import tick
from tests.support.world import QUEUE, SECRET, World
from worker.probe import probe
from worker.process import settings_of_process


@pytest.mark.parametrize(("fault", "reason"), [("401", "unauthenticated"), ("403", "forbidden")])
def test_a_refused_key_holds_the_connection_and_loses_nothing(world: World, fault: str, reason: str) -> None:
    world.change("add", "a@example.com")
    world.fault(fault, "/api/lists")
    batch_id = world.take()
    world.ring(batch_id)
    held = holds.of_connections(world.redis)["default"]
    assert (held.reason, bool(held.resolve), held.since > 0) == (reason, True, True)
    world.ring(batch_id)
    assert [asked["path"] for asked in world.requests()] == ["/api/accounts", "/api/lists"], "nothing more while held"
    holds.release(world.redis, "default")
    world.ring(batch_id)
    world.ring(batch_id)
    assert world.members() == {"a@example.com"}
    assert world.attempts(batch_id) == 0


def test_a_queue_held_by_an_operator_is_not_delivered_until_released(world: World) -> None:
    world.change("add", "a@example.com")
    batch_id = world.take()
    holds.place(world.redis, QUEUE, holds.Hold("by hand", now_ms()))
    world.ring(batch_id)
    assert world.requests() == []
    holds.release(world.redis, QUEUE)
    world.ring(batch_id)
    assert len(world.requests()) > 0


def test_without_a_key_the_connection_is_held_and_says_what_to_set(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KLAVIYO_API_KEY", "")
    settings_of_process.cache_clear()
    world.change("add", "a@example.com")
    world.deliver(rings=1)
    held = holds.of_connections(world.redis)["default"]
    assert (held.reason, "KLAVIYO_API_KEY" in held.resolve) == ("no_api_key", True)


def test_what_the_cdp_sets_for_its_account_overrides_the_configured(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KLAVIYO_API_KEY", "")
    settings_of_process.cache_clear()
    account = accounts.AccountSettings({"defaultCountry": "USA"}, "pk_from_cdp")
    accounts.remember(world.redis, "default", account, accounts.Cipher([SECRET]))
    assert b"pk_from_cdp" not in b"".join(world.redis.hvals(keys.account("default")))  # type: ignore[arg-type]
    world.change("add", {"email": "a@example.com", "phone": "(415) 555-2671"})
    world.deliver()
    found = world.person("a@example.com")
    assert found is not None
    assert found["phone_number"] == "+14155552671"


def test_a_wrong_setting_from_the_cdp_holds_the_connection_and_names_it(world: World) -> None:
    account = accounts.AccountSettings({"alternateIdentifier": "Twitter"})
    accounts.remember(world.redis, "default", account, accounts.Cipher([SECRET]))
    world.change("add", "a@example.com")
    world.deliver(rings=1)
    held = holds.of_connections(world.redis)["default"]
    assert "alternateIdentifier" in held.resolve


def test_releasing_lets_what_waited_go_on_at_once(world: World) -> None:
    world.change("add", "a@example.com")
    batch_id = world.take()
    holds.place(world.redis, "default", holds.Hold("by hand", now_ms()))
    world.ring(batch_id)
    assert batches.to_ring(world.redis, now_ms()) == []
    assert holds.release(world.redis, "default")
    assert batches.to_ring(world.redis, now_ms()) == [batch_id]
    assert world.redis.llen(keys.WAKE) == 1


def test_a_probe_releases_a_connection_when_klaviyo_takes_its_key_again(world: World) -> None:
    world.control("keys", keys=[{"key": "pk_test", "revoked": True}])
    world.change("add", "a@example.com")
    batch_id = world.deliver(rings=1)
    for _ in range(2):
        probe("default")
    assert holds.of_connections(world.redis)["default"].probed
    assert world.redis.hget(keys.CONFIRMATIONS, "default") == b"2"
    world.control("keys", keys=[{"key": "pk_test"}])
    probe("default")
    assert holds.of_connections(world.redis) == {}
    assert not world.redis.exists(keys.CONFIRMATIONS)
    assert batches.to_ring(world.redis, now_ms()) == [batch_id]


def test_what_a_person_holds_no_probe_releases(world: World) -> None:
    holds.place(world.redis, "default", holds.Hold("by hand", now_ms()))
    probe("default")
    assert "default" in holds.of_connections(world.redis)


def test_held_connections_are_probed_once_for_all_schedulers(world: World) -> None:
    holds.place(world.redis, "default", holds.Hold("unauthenticated", now_ms(), probed=True))
    holds.place(world.redis, "by-hand", holds.Hold("by hand", now_ms()))
    assert [tick.probe_held(world.redis, now_ms()) for _ in range(2)] == [1, 0]
    (job,) = doorbell.rq_queue(world.redis).jobs
    assert (job.func_name, job.args) == (doorbell.PROBE, ["default"])
