"""Delivering withdrawn consents: who leaves one list is never unsubscribed from everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from queues import dead_letters
from tests.support.consents import ANN, PHONE, consents, subscribed, waits, world_of_consents
from tests.support.emulator_api import UNSUBSCRIBE
from tests.support.world import World
from worker.consents.rows import UNDER_WAY_S


@pytest.fixture
def world(redis: Redis, redis_url: str, klaviyo: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with world_of_consents(redis, redis_url, klaviyo, monkeypatch) as found:
        yield found


@pytest.fixture
def permissive(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """It allows unsubscribes from everything."""
    file = tmp_path / "connections.toml"
    file.write_text("[connections.default]\nallow_global_unsubscribe = true\n")
    monkeypatch.setenv("FERRY_CONNECTIONS", str(file))
    return world


def test_who_unsubscribes_leaves_the_list_and_keeps_the_others(world: World) -> None:
    subscribed(world, "Other", ANN)
    list_id = subscribed(world, "News", ANN, {"email": "b@example.com"})
    world.change("unsubscribe", {**ANN, "list_id": list_id})
    world.deliver()
    assert (world.members("News"), world.members("Other")) == ({"b@example.com"}, {"a@example.com"})
    assert consents(world)[0] == "SUBSCRIBED"
    assert world.look("traps") == []


def test_who_is_not_on_the_list_is_never_unsubscribed_from_everything(world: World) -> None:
    subscribed(world, "Other", ANN)
    list_id = world.create_list("News")
    world.change("unsubscribe", {**ANN, "list_id": list_id}, {"email": "unknown@example.com", "list_id": list_id})
    world.deliver()
    assert consents(world)[:2] == ("SUBSCRIBED", "SUBSCRIBED")
    assert world.requests(UNSUBSCRIBE) == []
    assert world.left_out() == {"not_a_member": 2}
    assert world.counts()["delivered"] == 3


def test_two_addresses_of_one_member_go_in_one_row(world: World) -> None:
    list_id = subscribed(world, "News", ANN)
    world.change("unsubscribe", {"email": "a@example.com", "list_id": list_id})
    world.change("unsubscribe", {"phone_number": PHONE, "list_id": list_id})
    world.deliver()
    assert world.look("traps") == []
    assert (world.members("News"), consents(world)[0]) == (set(), "SUBSCRIBED")
    assert len(world.requests(UNSUBSCRIBE)) == 1


def test_many_leave_a_hundred_at_a_time(world: World) -> None:
    people = [{"email": f"p{number}+tag@example.com"} for number in range(230)]
    list_id = subscribed(world, "News", *people)
    world.change("unsubscribe", *({**person, "list_id": list_id} for person in people[:205]))
    world.deliver()
    assert len(world.requests(UNSUBSCRIBE)) == 3
    assert (len(world.members("News")), world.look("traps")) == (25, [])


def test_an_unsubscribe_from_everything_is_a_dead_letter_with_the_remedy_unless_allowed(world: World) -> None:
    list_id = subscribed(world, "News", ANN)
    world.change("unsubscribe", ANN)
    world.change("unsubscribe", {"email": "b@example.com", "list_id": list_id})
    world.deliver()
    (letter,) = dead_letters.read(world.redis, world.queue)
    assert letter.reason == "global_unsubscribe_not_allowed"
    assert "allow_global_unsubscribe = true" in letter.detail["detail"]
    assert consents(world)[:2] == ("SUBSCRIBED", "SUBSCRIBED")
    assert world.counts()["delivered"] == 2


def test_where_it_is_allowed_it_covers_e_mail_and_every_sms(permissive: World) -> None:
    subscribed(permissive, "News", ANN)
    permissive.change("unsubscribe", ANN)
    permissive.deliver()
    assert consents(permissive) == ("UNSUBSCRIBED", "UNSUBSCRIBED", "UNSUBSCRIBED")
    assert permissive.requests("/api/lists/", "GET") == []


def test_the_newest_wins_and_what_it_overtook_is_superseded(permissive: World) -> None:
    list_id = permissive.create_list("News")
    told = {"email": "a@example.com", "list_id": list_id}
    permissive.change("subscribe", told, at=3)
    permissive.change("unsubscribe", told, at=2)
    permissive.change("unsubscribe", {"email": "b@example.com"}, at=9)
    permissive.change("subscribe", {**told, "email": "b@example.com"}, at=8)
    permissive.deliver()
    assert permissive.members("News") == {"a@example.com"}
    assert permissive.counts() == {"accepted": 4, "open": 0, "delivered": 2, "dead": 0, "superseded": 2}
    assert permissive.person("b@example.com") is None


def test_an_unsubscribe_without_an_answer_is_not_repeated_while_it_may_be_under_way(world: World) -> None:
    list_id = subscribed(world, "News", ANN)
    world.control("jobs", seconds=3_600)
    world.fault("lost_response", UNSUBSCRIBE)
    world.change("unsubscribe", {**ANN, "list_id": list_id})
    batch_id = world.deliver(rings=2)
    assert waits(world, batch_id) == pytest.approx(UNDER_WAY_S, abs=5)
    assert (len(world.requests(UNSUBSCRIBE)), world.members("News")) == (1, {"a@example.com"})


def test_a_request_that_was_never_sent_is_not_waited_for(world: World) -> None:
    list_id = subscribed(world, "News", ANN)
    world.fault("400", UNSUBSCRIBE)
    world.change("unsubscribe", {**ANN, "list_id": list_id})
    world.deliver(rings=1)
    assert world.dead() == {"a@example.com": "invalid"}
    assert world.counts()["open"] == 0


def test_an_unsubscribe_voids_older_dead_letters_of_the_person(world: World) -> None:
    list_id = subscribed(world, "News", ANN)
    world.change("subscribe", {"email": "a@example.com", "list_id": "GONE42"})
    world.deliver()
    assert world.dead() == {"a@example.com": "list_gone"}
    world.change("unsubscribe", {"email": "a@example.com", "list_id": list_id})
    world.deliver()
    assert world.dead() == {}
    assert world.counts()["superseded"] == 1
