from __future__ import annotations

import json
from pathlib import Path

from redis import Redis

from queues import holds, keys
from queues.acceptance import Acceptance, accept
from queues.clock import now_ms
from queues.holds import Hold
from queues.policy import FlushPolicy
from tests.support.ops import VIPS, change, ferry, put


def test_a_queue_is_held_with_the_reason_and_released(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    put(redis, "a@example.com")
    told = ferry(redis_url, tmp_path, "hold", "VIPs", "--reason", "wrong list")
    assert told.stdout == ("default/audience/42 is held. To release it: ferry release default/audience/42\n")
    held = holds.of_queue(redis, VIPS)
    assert held is not None
    assert held.reason == "wrong list"
    assert ferry(redis_url, tmp_path, "release", "VIPs").stdout == "default/audience/42 was released.\n"
    assert holds.of_queue(redis, VIPS) is None
    assert redis.llen(keys.WAKE) == 1


def test_a_connection_is_held_by_its_name(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    assert ferry(redis_url, tmp_path, "hold", "default", "--reason", "maintenance").exit_code == 0
    assert holds.of_connections(redis)["default"].reason == "maintenance"


def test_a_hold_without_a_word_of_reason_is_refused(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    told = ferry(redis_url, tmp_path, "hold", "default", "--reason", " ")
    assert (told.exit_code, "say why" in told.stderr) == (2, True)
    assert holds.of_connections(redis) == {}


def test_a_queue_without_an_audiences_name_has_none_in_the_json(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    events = type(VIPS)("default", "event", "events")
    holds.place(redis, events, Hold("forbidden", 1))
    accept(redis, Acceptance(events, FlushPolicy(), "", [change("a@example.com")]), now_ms())
    (told,) = json.loads(ferry(redis_url, tmp_path, "holds", "--json").stdout)
    assert (told["held"], told["kind"], told["audience"]) == ("default/event/events", "queue", None)


def test_the_first_reason_of_a_hold_stays(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    holds.place(redis, "default", Hold("unauthenticated", 1))
    told = ferry(redis_url, tmp_path, "hold", "default", "--reason", "mine")
    assert "is already held" in told.stdout
    assert "(unauthenticated); that reason stays" in told.stdout
    assert holds.of_connections(redis)["default"].reason == "unauthenticated"


def test_no_command_repeats_an_address_from_the_reason_of_a_hold(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    put(redis, "a@example.com")
    holds.place(redis, VIPS, Hold("ask ann@example.com", 1))
    for words in ("holds", "holds --json", "status", "status --json", "flush VIPs", "hold VIPs --reason mine"):
        told = ferry(redis_url, tmp_path, *words.split())
        assert (told.exit_code, "ask ***" in told.output, "ann@" in told.output) == (0, True, False), words


def test_releasing_a_queue_tells_that_its_connection_is_held_too(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    put(redis, "a@example.com")
    holds.place(redis, "default", Hold("unauthenticated", 1))
    told = ferry(redis_url, tmp_path, "release", "42")
    assert told.stdout == (
        "default/audience/42 was not held.\nIts connection is also held (unauthenticated): ferry release default\n"
    )


def test_a_hold_on_a_connection_that_is_gone_can_be_released(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    holds.place(redis, "brand-z", Hold("connection_unknown", 1))
    assert ferry(redis_url, tmp_path, "release", "brand-z").stdout == "brand-z was released.\n"


def test_holding_what_there_is_not_ends_with_2(redis_url: str, tmp_path: Path) -> None:
    told = ferry(redis_url, tmp_path, "hold", "defualt", "--reason", "x")
    assert (told.exit_code, "Similar names:\n  default" in told.stderr) == (2, True)
