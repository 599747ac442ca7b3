"""Which list of Klaviyo an audience is delivered to, and when one is created."""

from __future__ import annotations

import pytest

from queues import holds
from queues.names import Queue
from tests.support.world import QUEUE, World, addresses


def test_a_list_named_by_its_id_is_used_as_it_is(world: World) -> None:
    world.settings = {"listId": world.create_list("Chosen")}
    world.change("add", "a@example.com")
    world.deliver()
    assert world.members("Chosen") == {"a@example.com"}
    assert [r["path"] for r in world.requests("/api/lists", "GET")] == [
        f"/api/lists/{world.settings['listId']}/profiles"
    ]


def test_a_list_of_the_audiences_name_is_found_and_not_created_again(world: World) -> None:
    world.create_list("VIPs")
    world.change("add", "a@example.com")
    world.deliver()
    assert world.members() == {"a@example.com"}
    assert len(world.requests("/api/lists", "POST")) == 1, "the one of this test"


@pytest.mark.parametrize("blank", ["", " ", "\t\n", "\u00a0\u3000", "\u200b\ufeff", "\u2800", "\u3164", "\x00"])
def test_a_list_name_of_blanks_counts_as_none(world: World, blank: str) -> None:
    world.settings = {"listName": blank, "listId": blank.strip() and " "}
    world.change("add", "a@example.com")
    world.deliver()
    assert world.members() == {"a@example.com"}
    world.name = blank
    world.queue = Queue("default", "audience", "7")
    world.change("add", "b@example.com")
    world.deliver()
    assert world.members("Audience 7") == {"b@example.com"}
    assert holds.of_connections(world.redis) == {}


def test_an_id_of_a_list_may_have_blanks_around_it(world: World) -> None:
    world.settings = {"listId": f" {world.create_list('Chosen')}\n"}
    world.change("add", "a@example.com")
    world.deliver()
    assert world.members("Chosen") == {"a@example.com"}


def test_a_found_list_is_remembered_when_the_audience_is_renamed(world: World) -> None:
    world.change("add", "a@example.com")
    world.deliver()
    world.name = "Very important people"
    world.change("add", "b@example.com")
    world.deliver()
    assert world.members("VIPs") == {"a@example.com", "b@example.com"}


def test_naming_another_list_in_the_settings_moves_to_it(world: World) -> None:
    world.change("add", "a@example.com")
    world.deliver()
    world.settings = {"listName": "Chosen"}
    world.change("add", "b@example.com")
    world.deliver()
    assert world.members("Chosen") == {"b@example.com"}


def test_two_batches_that_need_a_new_list_create_it_once(world: World) -> None:
    world.change("add", "a@example.com")
    first = world.take()
    world.change("add", "b@example.com")
    second = world.take()
    world.ring(first)
    world.ring(second)
    world.ring(first)
    world.ring(second)
    assert len(world.requests("/api/lists", "POST")) == 1
    assert world.members() == {"a@example.com", "b@example.com"}


def test_removing_from_an_audience_that_has_no_list_creates_none(world: World) -> None:
    world.change("remove", "a@example.com")
    world.deliver()
    assert world.counts()["delivered"] == 1
    assert world.requests("/api/lists", "POST") == []


def test_a_list_created_without_an_answer_is_found_and_not_created_again(world: World) -> None:
    world.change("add", "a@example.com")
    world.fault("lost_response", "/api/lists", match={"method": "POST", "path": "/api/lists"})
    world.deliver(rings=4)
    assert len(world.requests("/api/lists", "POST")) == 1
    assert world.members() == {"a@example.com"}


def test_a_list_that_is_gone_holds_its_queue_only(world: World) -> None:
    world.settings = {"listId": "GONE42"}
    world.change("add", "a@example.com")
    batch_id = world.deliver(rings=1)
    assert holds.of_connections(world.redis) == {}
    held = holds.of_queue(world.redis, QUEUE)
    assert held is not None
    assert held.resolve
    world.settings = {"listId": world.create_list("Back")}
    world.change("update", "b@example.com")
    holds.release(world.redis, QUEUE)
    world.ring(batch_id)
    world.ring(batch_id)
    assert world.members("Back") == {"a@example.com"}


def test_a_deleted_list_that_klaviyo_does_not_name_holds_the_queue_and_blames_nobody(world: World) -> None:
    world.settings = {"listId": world.create_list("VIPs")}
    world.change("add", *addresses(4))
    batch_id = world.take()
    world.delete_list(world.settings["listId"])
    world.fault("400_list", "/api/profile-bulk-import-jobs")
    world.ring(batch_id)
    assert holds.of_queue(world.redis, QUEUE) is not None
    assert world.counts() == {"accepted": 4, "open": 4, "delivered": 0, "dead": 0, "superseded": 0}
