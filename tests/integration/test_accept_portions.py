"""However much one message brings, no script call holds Redis for long, and dead letters do not pile up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

import pytest
from redis import Redis

from intake.http import limits
from queues import acceptance, bounds, dead_letters, keys, undecided_erasures
from queues.acceptance import Acceptance, DeadOnArrival
from queues.change import decode
from queues.names import Queue
from queues.policy import FlushPolicy
from tests.support.intake import Intake, known, running
from tests.support.ledger import NOW, change

UNREADABLE = Queue("default", "audience", "unreadable")


@pytest.fixture
def intake(redis_url: str) -> Iterator[Intake]:
    with running(known(redis_url)) as started:
        yield started


def membership(*profiles: Any) -> dict[str, Any]:
    return {"type": "audience_membership_change_request", "id": "m-1", "user_profiles": profiles}


def person(number: int, *audiences: int) -> dict[str, Any]:
    return {
        "user_identities": [{"type": "email", "value": f"p{number}@example.com"}],
        "audiences": [{"audience_id": audience, "action": "add"} for audience in audiences],
    }


MESSAGES = {
    "people in one audience": membership(*[person(number, 1) for number in range(3_000)]),
    "dead letters of one queue": membership(*[1] * limits.PROFILES),
    "one person in many audiences": membership(*[person(1, *range(1_000))] * 3),
    "few in many audiences": membership(*[person(number, *range(40)) for number in range(100)]),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_no_call_of_a_script_carries_more_than_five_hundred_changes(intake: Intake, redis: Redis, name: str) -> None:
    redis.config_set("slowlog-log-slower-than", 0)
    redis.config_set("slowlog-max-len", 100_000)
    redis.slowlog_reset()
    try:
        assert intake.post("/v1/mparticle", MESSAGES[name]).status_code == 202
    finally:
        redis.config_set("slowlog-log-slower-than", 10_000)
    sizes = [_arguments(cast("bytes", entry["command"])) for entry in redis.slowlog_get(100_000) if _is_script(entry)]
    assert sizes
    # Each change is an argument, each dead letter three, each message four; beside them a call has some twenty.
    assert max(sizes) < 4 * acceptance.ITEMS


def _is_script(entry: Any) -> bool:
    return bytes(entry["command"]).startswith(b"EVALSHA")


def _arguments(command: bytes) -> int:
    """How many a logged command had; the log keeps 31 and says how many it left out."""
    left_out = re.search(rb"\.\.\. \((\d+) more arguments\)", command)
    return 31 + int(left_out[1]) if left_out else 31


def test_a_message_in_portions_is_stored_once_however_often_it_is_repeated(intake: Intake, redis: Redis) -> None:
    for _ in range(2):
        assert intake.post("/v1/mparticle", MESSAGES["people in one audience"]).status_code == 202
    waiting = cast("list[bytes]", redis.lrange(keys.queue(Queue("default", "audience", "1"), "pending"), 0, -1))
    assert [json.loads(bytes(decode(each).body.person))["user_identities"][0]["value"] for each in waiting] == [
        f"p{number}@example.com" for number in range(3_000)
    ]


def letters(first: int, last: int, reason: str = "malformed") -> Acceptance:
    dead = [DeadOnArrival(change(f"{number}@x.io"), reason, "$") for number in range(first, last)]
    return Acceptance(UNREADABLE, FlushPolicy(), dead=dead)


def test_of_a_flood_of_dead_letters_the_oldest_go_at_once_but_those_that_need_a_look(redis: Redis) -> None:
    acceptance.accept(redis, letters(0, 3, undecided_erasures.REASON), NOW)
    flood = bounds.LETTERS_AT_MOST + 1_500
    for first in range(3, flood, 2_500):
        acceptance.accept(redis, letters(first, min(first + 2_500, flood)), NOW)
    (kept,) = dead_letters.kept(redis, [UNREADABLE])
    assert kept.letters == bounds.LETTERS_AT_MOST
    found = [letter.change.keys for letter in dead_letters.read(redis, UNREADABLE)]
    assert found[:3] == [_keys(number) for number in range(3)]
    assert found[3:] == [_keys(number) for number in range(flood - bounds.LETTERS_AT_MOST + 3, flood)]
    counts = cast("dict[bytes, bytes]", redis.hgetall(keys.queue(UNREADABLE)))
    assert (int(counts[b"dead"]), int(counts[b"evicted"])) == (flood, 1_500)
    assert redis.hlen(keys.queue(UNREADABLE, "buried")) == bounds.LETTERS_AT_MOST


def _keys(number: int) -> tuple[str, ...]:
    return (change(f"{number}@x.io")[14:30].decode(),)
