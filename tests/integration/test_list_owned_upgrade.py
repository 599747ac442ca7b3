"""Lists of an installation from before they had owners: who shares one goes on, and whoever comes later is held."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from queues import holds, keys, owners
from queues.names import Queue
from tests.support.ops import ferry
from tests.support.world import QUEUE, SECRET, World
from worker import lists
from worker.lists import name_owners
from worker.process import settings_of_process

OTHER, LATER = (Queue("default", "audience", number) for number in ("43", "44"))
ANN, BOB, CID = "ann@example.com", "bob@example.com", "cid@example.com"


def of(world: World, queue: Queue) -> World:
    return World(world.redis, world.klaviyo, queue)


def delivered(world: World, *people: str) -> None:
    world.change("add", *people)
    world.deliver()
    assert holds.of_queue(world.redis, world.queue) is None
    assert world.counts()["open"] == 0


def reason(world: World, *people: str) -> str | None:
    """Why the audience is held when these people join it."""
    world.change("add", *people)
    world.deliver(rings=3)
    hold = holds.of_queue(world.redis, world.queue)
    return hold.reason if hold else None


def before(*worlds: World) -> None:
    """Each of these was delivered somebody by a Ferry that knew of no owners."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lists, "check_owner", lambda *_, **__: None)
        for world in worlds:
            delivered(world, f"before-{world.queue.target}@example.com")
    assert worlds[0].redis.exists(keys.OWNERS, keys.OWNERS_SINCE) == 0


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == name_owners.__module__]


def test_audiences_that_share_a_list_go_on_with_one_warning_that_names_both(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    other = of(world, OTHER)
    before(world, other)
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            delivered(other, f"b{number}@example.com")
            delivered(world, f"a{number}@example.com")
    (warning,) = warnings(caplog)
    assert (str(QUEUE) in warning, str(OTHER) in warning, "shared_list = true" in warning) == (True, True, True)
    assert len(world.members()) == 8
    assert reason(of(world, LATER), CID) == "list_owned", "only pairs of before are spared"


def test_an_audience_that_comes_after_the_upgrade_is_held_even_if_it_is_delivered_first(world: World) -> None:
    before(world)
    assert reason(of(world, OTHER), BOB) == "list_owned"
    delivered(world, ANN)


@pytest.mark.parametrize("pair", [True, False], ids=["both delivered", "one delivered"])
def test_lists_that_settings_name_by_id_count_once_somebody_was_delivered_to_them(world: World, pair: bool) -> None:
    other = of(world, OTHER)
    world.settings = other.settings = {"listId": world.create_list("Chosen")}
    before(world, *([other] if pair else []))
    assert reason(other, BOB) == (None if pair else "list_owned")
    delivered(world, ANN)


def test_an_audience_that_has_moved_to_another_list_or_is_disconnected_keeps_nothing(world: World) -> None:
    other, later = of(world, OTHER), of(world, LATER)
    other.name = later.name = "Gold"
    before(world, other)
    world.settings = {"listName": "Moved"}
    world.change("update", ANN)
    world.redis.hset(keys.queue(OTHER), "audience", json.dumps({"name": "Gold", "settings": {}, "action": "remove"}))
    delivered(later, BOB)
    third = of(world, Queue("default", "audience", "45"))
    delivered(third, CID)
    assert (world.members("Gold") >= {BOB}, world.members() >= {CID}) == (True, True)


def test_a_new_installation_knows_no_pairs_of_before(world: World, caplog: pytest.LogCaptureFixture) -> None:
    other = of(world, OTHER)
    world.settings = other.settings = {"listId": world.create_list("Chosen")}
    world.change("update", ANN)
    world.deliver()
    other.change("add", BOB)
    with caplog.at_level(logging.WARNING):
        delivered(world, ANN)
    assert reason(other) == "list_owned"
    assert warnings(caplog) == []


def test_workers_that_begin_at_once_name_the_same_owner(world: World) -> None:
    worlds = [of(world, Queue("default", "audience", str(number))) for number in range(6)]
    before(*worlds)
    connections = settings_of_process().connections
    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(name_owners, world.redis, connections) for _ in range(4)]:
            done.result()
    first, *others = (each.queue for each in worlds)
    assert [pair[1:] for pair in owners.shared(world.redis)] == [(first, queue) for queue in others]


def test_the_doctor_names_pairs_until_the_settings_say_that_they_are_meant(
    world: World, redis_url: str, tmp_path: Path
) -> None:
    def check(**env: str) -> tuple[str, str]:
        known = {"KLAVIYO_BASE_URL": world.klaviyo, "FERRY_SECRET_KEY": SECRET, **env}
        told = json.loads(ferry(redis_url, tmp_path, "doctor", "--json", **known).stdout)
        (found,) = (each for each in told if each["check"] == "lists")
        return found["result"], found["detail"]

    assert check()[0] == "ok"
    before(world, of(world, OTHER))
    delivered(world, ANN)
    result, detail = check()
    assert (result, str(QUEUE) in detail, str(OTHER) in detail) == ("warn", True, True)
    file = tmp_path / "connections.toml"
    file.write_text('[connections.default.audiences."43"]\nshared_list = true\n')
    assert check(FERRY_CONNECTIONS=str(file))[0] == "ok"
