"""Holds for the want of a list, and their way out, against Klaviyo's emulator."""

from __future__ import annotations

import time
from typing import Any

import pytest
from redis import Redis

from emulator.lists import MAX_LISTS
from emulator.world import World as Account
from queues import holds, keys
from queues.clock import now_ms
from queues.holds import Hold
from tests.support.emulated import serving
from tests.support.ops import stays_held
from tests.support.world import QUEUE, World, addresses, world_of


def on_queue(world: World) -> Hold:
    assert holds.of_connections(world.redis) == {}, "the connection is in order"
    held = holds.of_queue(world.redis, QUEUE)
    assert held is not None
    return held


def test_a_queue_stays_held_until_a_list_is_there_that_it_would_use(world: World, command: Any) -> None:
    world.settings = {"listId": "GONE42"}
    world.change("add", "a@example.com")
    batch_id = world.deliver(rings=1)
    assert on_queue(world).reason == "list_gone"
    stays_held(command("release", "VIPs"), "default/audience/42 stays held (list_gone)", "name another one")
    world.settings = {"listId": world.create_list("Back")}
    world.change("update", "b@example.com")
    assert command("release", "VIPs").stdout == "default/audience/42 was released.\n"
    world.ring(batch_id)
    assert world.members("Back") == {"a@example.com"}


def test_a_list_that_was_deleted_and_made_anew_under_its_name_takes_its_place(world: World, command: Any) -> None:
    world.change("add", "a@example.com")
    world.deliver()
    world.delete_list(str(world.redis.hget(keys.queue(QUEUE), "list_id"), "ascii"))  # type: ignore[arg-type]
    world.change("add", "b@example.com")
    batch_id = world.deliver(rings=1)
    assert on_queue(world).reason == "list_gone"
    stays_held(command("release", "VIPs"), "Klaviyo has no list 'VIPs'", "Create it there")
    world.create_list("VIPs")
    assert command("release", "VIPs").exit_code == 0
    world.ring(batch_id)
    assert world.members() == {"b@example.com"}


def test_a_deleted_list_is_created_again_when_the_release_is_forced(world: World, command: Any) -> None:
    world.change("add", "a@example.com")
    world.deliver()
    world.delete_list(str(world.redis.hget(keys.queue(QUEUE), "list_id"), "ascii"))  # type: ignore[arg-type]
    world.change("add", "b@example.com")
    batch_id = world.deliver(rings=1)
    told = command("release", "VIPs", "--force")
    assert told.exit_code == 0
    assert "the first delivery after a release without this check creates it" in " ".join(told.stderr.split())
    assert "Pending changes are sent when they are due" in told.stderr
    assert "--force" not in told.stderr
    world.ring(batch_id)
    assert world.members() == {"b@example.com"}


def test_an_account_with_all_its_lists_holds_the_queue_with_the_remedy(world: World, command: Any) -> None:
    lists = [world.create_list(f"L{n}") for n in range(MAX_LISTS)]
    world.change("add", *addresses(3))
    batch_id = world.deliver(rings=2)
    held = on_queue(world)
    assert (held.reason, "fewer than 1,000 lists and segments" in held.resolve) == ("list_refused", True)
    assert held.error_id
    assert world.counts()["open"] == 3
    stays_held(command("release", "VIPs"), "Klaviyo has no list 'VIPs'")
    world.delete_list(lists[0])
    assert command("release", "VIPs", "--force").exit_code == 0
    for _ in range(3):
        world.ring(batch_id)
    assert world.members() == set(addresses(3))


def test_the_daily_limit_of_new_lists_is_waited_for_and_holds_nothing(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = time.time() // 86_400 * 86_400 + 43_200
    account = Account(job_seconds=0, now=lambda: noon)
    with serving(account) as url, world_of(redis, redis_url, url, monkeypatch) as world:
        world.control("limits", scale=0.001)  # one of everything, also a day
        world.create_list("Last of today")
        world.change("add", "a@example.com")
        batch_id = world.deliver(rings=1)
        assert (holds.of_connections(redis), holds.of_queue(redis, QUEUE)) == ({}, None)
        due = redis.zscore(keys.partition(QUEUE.partition, "ring"), batch_id)
        assert due is not None
        assert (due - now_ms()) / 1000 == pytest.approx(43_200, abs=5)
        assert world.attempts(batch_id) == 0
        noon += 43_200
        world.control("limits", off=True)
        redis.delete(*redis.keys("ferry:limits:*"))  # the pause is over as well
        for _ in range(3):
            world.ring(batch_id)
        assert world.members() == {"a@example.com"}
