"""One audience for a list: what another one would do to it is held, and both ways out of that."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from console.auth.roles import Role
from queues import audit, holds, keys, owners
from queues.census import take_census
from queues.holds import Hold
from queues.names import Queue
from tests.support.console import Console
from tests.support.ops import ferry
from tests.support.pages import press, said
from tests.support.world import QUEUE, SECRET, World
from worker.process import settings_of_process

OTHER = Queue("default", "audience", "43")
ANN, BOB, CID = "ann@example.com", "bob@example.com", "cid@example.com"


@pytest.fixture
def other(world: World) -> World:
    """A second audience, which has the name of the first."""
    return World(world.redis, world.klaviyo, OTHER)


@pytest.fixture
def configured(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Deliveries go by this connections.toml."""

    def use(text: str) -> None:
        file = tmp_path / "connections.toml"
        file.write_text(text)
        monkeypatch.setenv("FERRY_CONNECTIONS", str(file))
        settings_of_process.cache_clear()

    return use


def hold_of(world: World) -> Hold | None:
    assert holds.of_connections(world.redis) == {}, "the connection is in order"
    return holds.of_queue(world.redis, world.queue)


def list_of(world: World) -> str:
    found = world.redis.hget(keys.queue(world.queue), "list_id")
    assert isinstance(found, bytes)
    return found.decode()


def delivered(world: World, *people: str) -> str:
    """These people join; the list that they are on."""
    world.change("add", *people)
    world.deliver()
    assert hold_of(world) is None
    return list_of(world)


def held(world: World, *people: str) -> str:
    """These people would join, but are held; the batch."""
    world.change("add", *people)
    batch_id = world.deliver(rings=2)
    found = hold_of(world)
    assert found is not None
    assert found.reason == "list_owned"
    return batch_id


def goes_on(world: World, batch_id: str) -> None:
    """The batch is delivered to its end, without anybody's help."""
    for _ in range(4):
        world.ring(batch_id)
    assert hold_of(world) is None
    assert (world.counts()["open"], world.counts()["dead"]) == (0, 0)


def test_what_comes_for_a_second_audience_is_held_and_names_both_and_the_way_out(
    world: World, other: World, command: Any
) -> None:
    list_id = delivered(world, ANN)
    other.name = "vips"  # as Klaviyo, Ferry tells lists apart by their exact names
    assert delivered(other, CID) != list_id
    other.name, other.settings = "Gold", {"listName": "VIPs"}
    held(other, BOB)
    other.change("remove", ANN)
    assert other.counts() == {"accepted": 3, "open": 1, "delivered": 1, "dead": 0, "superseded": 0}
    assert world.members() == {ANN}
    told = command("holds", "--json").stdout
    (found,) = json.loads(told)
    assert (found["held"], found["reason"], found["ends_by_itself"]) == (str(OTHER), "list_owned", True)
    for word in (list_id, f"'VIPs' ({QUEUE})", f"'Gold' ({OTHER})", f"ferry release {OTHER}", "shared_list = true"):
        assert word in found["resolve"]
    assert delivered(world, CID) == list_id, "the first one goes on"


def test_a_removal_of_a_second_audience_takes_nobody_off_the_list_of_the_first(world: World, other: World) -> None:
    delivered(world, ANN)
    other.change("remove", ANN)
    batch_id = other.deliver(rings=3)
    found = hold_of(other)
    assert found is not None
    assert found.reason == "list_owned"
    assert world.members() == {ANN}
    owners.share(world.redis, OTHER, list_of(world))
    goes_on(other, batch_id)
    assert world.members() == set()


def test_whoever_only_takes_people_off_a_list_does_not_keep_it(world: World, other: World) -> None:
    world.create_list("VIPs")
    other.change("remove", ANN)
    other.deliver()
    delivered(world, ANN)
    held(other, BOB)


def test_a_release_lets_the_second_audience_use_the_list_for_good(world: World, other: World, command: Any) -> None:
    list_id = delivered(world, ANN)
    batch_id = held(other, BOB)
    told = command("release", str(OTHER))
    assert told.exit_code == 0
    assert "shares its list with the audience that owns it" in told.stdout
    assert hold_of(other) is None
    goes_on(other, batch_id)
    assert delivered(other, CID) == list_id
    assert world.members() == {ANN, BOB, CID}
    assert owners.keeper(world.redis, list_id) == QUEUE
    third = World(world.redis, world.klaviyo, Queue("default", "audience", "44"))
    held(third, CID)
    assert [entry.what for entry in audit.read(world.redis, 5)] == ["release"]


@pytest.mark.parametrize("way", ["api", "page"])
def test_a_release_over_the_api_or_on_the_page_does_the_same(
    world: World, other: World, linked: Console, way: str
) -> None:
    list_id = delivered(world, ANN)
    batch_id = held(other, BOB)
    address = f"{linked.url}/v1/queues/{OTHER}/release"
    if way == "api":
        requests.post(address, headers=linked.bearer(Role.OPERATOR), timeout=30).raise_for_status()
    else:
        browser = linked.browser(Role.OPERATOR)
        asked = browser.get(f"{linked.url}/queues/{OTHER}/release", timeout=30)
        assert f"After release it uses list {list_id} together with {QUEUE}." in said(asked.text)
        press(browser, asked, "Release VIPs")
    goes_on(other, batch_id)
    assert world.members() == {ANN, BOB}


def test_a_second_audience_that_is_given_a_list_of_its_own_goes_on_by_itself(world: World, other: World) -> None:
    delivered(world, ANN)
    batch_id = held(other, BOB)
    other.settings = {"listName": "Others"}
    other.change("update", CID)
    goes_on(other, batch_id)
    assert (world.members(), world.members("Others")) == ({ANN}, {BOB})


def test_a_second_audience_that_is_called_otherwise_goes_on_by_itself(world: World, other: World) -> None:
    delivered(world, ANN)
    batch_id = held(other, BOB)
    other.name = "Others"
    other.change("update", CID)
    goes_on(other, batch_id)
    assert (world.members(), world.members("Others")) == ({ANN}, {BOB})


def test_an_audience_that_is_given_another_list_gives_up_the_one_it_had(world: World, other: World) -> None:
    list_id = delivered(world, ANN)
    batch_id = held(other, BOB)
    world.settings = {"listName": "Moved"}
    assert delivered(world, CID) != list_id
    goes_on(other, batch_id)
    assert (world.members("Moved"), world.members()) == ({CID}, {ANN, BOB})
    assert owners.keeper(world.redis, list_id) == OTHER
    world.settings = {}
    world.change("add", CID)
    world.redis.hset(keys.queue(QUEUE), mapping={"list_id": list_id, "list_name": "VIPs"})
    world.deliver(rings=2)
    found = hold_of(world)
    assert found is not None
    assert str(OTHER) in found.resolve


def test_a_list_that_was_deleted_and_made_anew_belongs_to_whoever_comes_first(
    world: World, other: World, command: Any
) -> None:
    list_id = delivered(world, ANN)
    world.delete_list(list_id)
    new_id = world.create_list("VIPs")
    world.change("add", CID)
    batch_id = world.deliver(rings=1)
    found = hold_of(world)
    assert found is not None
    assert found.reason == "list_gone"
    assert delivered(other, BOB) == new_id
    assert command("release", str(QUEUE)).exit_code == 0
    assert owners.keeper(world.redis, list_id) is None
    world.ring(batch_id)
    found = hold_of(world)
    assert found is not None
    assert (found.reason, found.owned and found.owned.list_id) == ("list_owned", new_id)
    assert world.members() == {BOB}


def test_a_hold_whose_keeper_is_another_one_by_now_says_so(world: World, other: World) -> None:
    list_id = delivered(world, ANN)
    batch_id = held(other, BOB)
    owners.give_up(world.redis, QUEUE)
    third = Queue("default", "audience", "44")
    assert owners.own(world.redis, third, list_id) == third
    other.ring(batch_id)
    found = hold_of(other)
    assert found is not None
    assert (str(third) in found.resolve, str(QUEUE) in found.resolve) == (True, False)


@pytest.mark.parametrize(
    "settings",
    [
        "[connections.default]\nshared_list = true\n",
        '[connections.default.audiences."43"]\nshared_list = true\n',
    ],
    ids=["of the connection", "of the audience"],
)
def test_an_audience_whose_settings_say_so_shares_the_list(
    world: World, other: World, configured: Callable[[str], None], settings: str
) -> None:
    configured(settings)
    assert delivered(world, ANN) == delivered(other, BOB)
    assert world.members() == {ANN, BOB}


def test_an_audience_may_be_the_exception_in_a_connection_that_shares(
    world: World, other: World, configured: Callable[[str], None]
) -> None:
    configured('[connections.default]\nshared_list = true\n[connections.default.audiences."43"]\nshared_list = false\n')
    delivered(world, ANN)
    held(other, BOB)


def test_what_is_held_goes_on_once_the_settings_say_that_it_may(
    world: World, other: World, configured: Callable[[str], None]
) -> None:
    delivered(world, ANN)
    batch_id = held(other, BOB)
    configured("[connections.default]\nshared_list = true\n")
    goes_on(other, batch_id)
    assert world.members() == {ANN, BOB}


def test_two_connections_to_one_account_do_not_fight_over_its_lists_not_even_with_another_key(
    world: World, configured: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    list_id = delivered(world, ANN)
    monkeypatch.setenv("BRAND_B_KEY", "pk_another_of_the_account")
    configured('[connections.brand-b]\napi_key_env = "BRAND_B_KEY"\n')
    elsewhere = World(world.redis, world.klaviyo, Queue("brand-b", "audience", "42"))
    held(elsewhere, BOB)
    assert elsewhere.redis.hget(keys.queue(elsewhere.queue), "list_id") is None
    monkeypatch.setenv("KLAVIYO_API_KEY", "pk_exchanged")
    settings_of_process.cache_clear()
    assert delivered(world, CID) == list_id
    assert owners.keeper(world.redis, list_id) == QUEUE


def test_a_connection_that_is_removed_gives_its_lists_up(
    world: World, other: World, redis_url: str, tmp_path: Path
) -> None:
    env = {"KLAVIYO_BASE_URL": world.klaviyo, "FERRY_SECRET_KEY": SECRET}
    assert ferry(redis_url, tmp_path, "connections", "add", "brand-c", text="pk_c\n", **env).exit_code == 0
    delivered(World(world.redis, world.klaviyo, Queue("brand-c", "audience", "1")), ANN)
    batch_id = held(other, BOB)
    assert ferry(redis_url, tmp_path, "connections", "remove", "brand-c", **env).exit_code == 0
    goes_on(other, batch_id)
    assert world.members() == {ANN, BOB}


def test_the_hold_is_logged_once_and_without_the_names_of_the_audiences(
    world: World, other: World, caplog: pytest.LogCaptureFixture
) -> None:
    delivered(world, ANN)
    with caplog.at_level(logging.ERROR):
        held(other, BOB)
    (line,) = [record.getMessage() for record in caplog.records if "list_owned" in record.getMessage()]
    assert (str(QUEUE) in line, str(OTHER) in line, "VIPs" in line) == (True, True, False)


def test_a_held_audience_stands_in_the_census_and_can_be_released_by_its_name(
    world: World, other: World, command: Any
) -> None:
    delivered(world, ANN)
    other.name, other.settings = "Gold", {"listName": "VIPs"}
    held(other, BOB)
    (found,) = [count for count in take_census(world.redis).queues if count.hold]
    assert found.queue == OTHER
    assert command("release", "Gold").exit_code == 0
    assert hold_of(other) is None
