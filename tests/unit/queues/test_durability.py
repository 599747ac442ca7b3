"""Which server can confirm what, and what counts as confirmed."""

from __future__ import annotations

from typing import Any

import pytest
from redis.exceptions import ResponseError

from queues.server.connection import LOCAL, Durability, obstacle, parse_durability

FSYNC, ONE, TWO = Durability(fsync=True), Durability(replicas=1), Durability(replicas=2)
REDIS_7 = {"redis_version": "7.2.4", "aof_enabled": 1}
REDIS_8 = {"redis_version": "8.0.1", "aof_enabled": 1}
VALKEY = {"redis_version": "7.2.4", "valkey_version": "9.1.2", "aof_enabled": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("local", LOCAL), ("fsync", FSYNC), ("replicas:1", ONE), ("replicas:99", Durability(False, 99))],
)
def test_a_setting_is_read_and_written_alike(text: str, expected: Durability) -> None:
    assert parse_durability(text) == expected
    assert str(expected) == text
    assert expected.waits is (text != "local")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Local",
        "fsync ",
        "replicas",
        "replicas:",
        "replicas:0",
        "replicas:-1",
        "replicas:1.5",
        "replicas:100",
        "replicas:01",
        "fsync,replicas:1",
        "replicas:\u0661",
        "replicas:1\n",
    ],
)
def test_anything_else_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(ValueError, match="local, fsync, or replicas:N"):
        parse_durability(text)


@pytest.mark.parametrize(
    ("info", "appendfsync", "why"),
    [
        (VALKEY, "always", None),
        (REDIS_7, "always", None),
        (REDIS_8, "always", None),
        (REDIS_8, "everysec", None),
        (REDIS_8, None, None),
        ({**REDIS_8, "redis_version": "10.1.0"}, "everysec", None),
        (REDIS_8, "no", "appendfsync no"),
        (VALKEY, "everysec", "Valkey 9.1.2 with appendfsync everysec"),
        (VALKEY, None, "appendfsync unknown"),
        (REDIS_7, "everysec", "Redis 7.2.4 with appendfsync everysec"),
        ({**REDIS_7, "redis_version": "7.0.15"}, "always", "Redis 7.0.15 has no WAITAOF"),
        ({**REDIS_7, "redis_version": "6.2.9"}, "always", "has no WAITAOF"),
        ({}, "always", "has no WAITAOF"),
        ({**VALKEY, "aof_enabled": 0}, "always", "keeps no append-only file"),
        ({**REDIS_8, "aof_enabled": 0}, "always", "keeps no append-only file"),
    ],
)
def test_fsync_wants_a_server_that_confirms_what_its_disk_has(
    info: dict[str, Any], appendfsync: str | None, why: str | None
) -> None:
    found = obstacle(FSYNC, info, appendfsync)
    assert (found is None) is (why is None)
    if found is not None and why is not None:
        assert why in found.detail
        assert found.lasts
        assert found.remedy


@pytest.mark.parametrize(
    ("replicas", "one", "two"),
    [
        ([], False, False),
        (["online"], True, False),
        (["online", "wait_bgsave"], True, False),
        (["online"] * 2, True, True),
    ],
)
def test_replicas_are_counted_once_they_are_online_and_may_come_back(replicas: list[str], one: bool, two: bool) -> None:
    info: dict[str, Any] = {f"slave{n}": {"state": state} for n, state in enumerate(replicas)}
    info |= {"slave_expires_tracked_keys": 0, "redis_version": "6.2.0"}
    for asked, expected in ((ONE, one), (TWO, two)):
        found = obstacle(asked, info, None)
        assert (found is None) is expected
        assert found is None or not found.lasts


def test_nothing_is_asked_of_a_server_that_need_not_confirm() -> None:
    assert obstacle(LOCAL, {"redis_version": "6.2.0"}, None) is None


@pytest.mark.parametrize(
    ("asked", "answers", "confirmed"),
    [
        (FSYNC, [True, [1, 0]], True),
        (FSYNC, [True, [0, 3]], False),
        (FSYNC, [True, ResponseError("unknown command 'WAITAOF'")], False),
        (FSYNC, [ResponseError("OOM"), [1, 0]], False),
        (ONE, [True, 1], True),
        (ONE, [True, 2], True),
        (TWO, [True, 1], False),
        (ONE, [True, 0], False),
        (ONE, [ResponseError("READONLY"), 1], False),
    ],
)
def test_only_what_was_asked_for_counts_as_confirmed(asked: Durability, answers: list[Any], confirmed: bool) -> None:
    assert asked.confirms(answers) is confirmed
