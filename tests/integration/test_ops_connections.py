"""`ferry connections`: keys are checked before they are kept, and nobody's changes lose their account."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from redis import Redis

from queues import audit, holds, keys
from queues.clock import now_ms
from queues.connections import accounts
from queues.connections.accounts import Cipher
from queues.holds import Hold
from queues.names import Queue
from tests.support.emulator_api import Api
from tests.support.ops import VIPS, ferry, put, settle, take
from tests.support.world import SECRET

Command = Callable[..., Result]
BRAND_C = Queue("brand-c", "audience", "42")
DELIVERING = ["lists:read", "lists:write", "profiles:read", "profiles:write"]


@pytest.fixture
def connections(redis_url: str, tmp_path: Path, api: Api) -> Command:
    """`ferry connections ...`, on an emulator with the keys pk_test, pk_c and pk_c2 of one account and others."""
    known = [{"key": key} for key in ("pk_test", "pk_c", "pk_c2")]
    other = {"key": "pk_other", "account": "OtHeR1"}
    plain = {"key": "pk_plain", "scopes": DELIVERING}
    reader = {"key": "pk_reader", "scopes": ["accounts:read", "lists:read", "profiles:read"]}
    api.control("keys", {"keys": [*known, other, plain, reader]})
    api.control("limits", {"off": True})
    return partial(ferry, redis_url, tmp_path, "connections", KLAVIYO_BASE_URL=api.url, FERRY_SECRET_KEY=SECRET)


def key_of(redis: Redis, name: str = "brand-c") -> str | None:
    return accounts.key_of(redis, name, Cipher([SECRET]))


def refused(told: Result, code: int, *words: str) -> None:
    assert told.exit_code == code, told.output
    for word in words:
        assert word in told.stderr


def listed(connections: Command) -> dict[str, dict[str, Any]]:
    return {line["name"]: line for line in json.loads(connections("list", "--json").stdout)}


def test_a_connection_is_added_with_a_key_from_stdin_and_listed(connections: Command, redis: Redis) -> None:
    told = connections("add", "brand-c", text="pk_c\n")
    assert (told.exit_code, told.stdout.startswith("brand-c was added: account Emulator (EmULat)")) == (0, True)
    assert key_of(redis) == "pk_c"
    put(redis, "a@example.com", queue=BRAND_C)
    holds.place(redis, "brand-c", Hold("by hand", 1))
    line = listed(connections)["brand-c"]
    assert (line["key"], line["held"], line["trouble"]) == ("kept", "by hand", None)
    assert line["account"] == {"id": "EmULat", "name": "Emulator", "test": True}
    assert line["policy"] == {"size": 100, "minutes": 960.0, "upload_max": 100}
    assert line["audiences"] == [{"id": "42", "name": "VIPs", "list_id": None}]
    assert all(line["scopes"].values())
    assert [(entry.what, entry.on) for entry in audit.read(redis, 9)] == [("connection added", "brand-c")]


def test_the_list_tells_of_every_connection_what_is_wrong(connections: Command, redis: Redis, tmp_path: Path) -> None:
    file = tmp_path / "connections.toml"
    file.write_text("[connections.brand-b]\napi_key_env = 'KEY_B'\n[connections.empty]\n")
    put(redis, "a@example.com", queue=Queue("mparticle-7", "audience", "1"))
    accounts.remember(redis, "mparticle-7", accounts.AccountSettings({}, "pk_revoked"), Cipher([SECRET]))
    put(redis, "a@example.com", queue=Queue("gone", "audience", "1"))
    of_file = partial(connections, FERRY_CONNECTIONS=str(file), KEY_B="pk_plain")
    lines = listed(of_file)
    assert {name: line["key"] for name, line in lines.items()} == {
        "brand-b": "environment",
        "default": "environment",
        "empty": None,
        "gone": None,
        "mparticle-7": "CDP",
    }
    assert "unauthenticated" in lines["mparticle-7"]["trouble"]
    assert "ferry connections add gone" in lines["gone"]["trouble"]
    assert "ferry connections add empty" in lines["empty"]["trouble"]
    assert lines["brand-b"]["scopes"]["events:write"] is False
    table = " ".join(of_file("list", COLUMNS="400").stdout.split())
    assert "without accounts:read, subscriptions:write, events:write, data-privacy:write" in table
    assert not any(key in table + json.dumps(lines) for key in ("pk_plain", "pk_revoked", "pk_test"))


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("pk_nobody", ["unauthenticated", "Nothing was stored"]),
        ("pk_reader", ["without lists:write: nothing can be delivered", "Nothing was stored"]),
        ("pk with spaces", ["starts with pk_"]),
        ("", ["no key was given"]),
    ],
)
def test_a_key_that_cannot_deliver_is_not_kept(connections: Command, redis: Redis, key: str, words: list[str]) -> None:
    told = connections("add", "brand-c", text=f"{key}\n")
    refused(told, 2 if "spaces" in key or not key else 1, *words)
    assert accounts.with_key(redis) == []
    assert audit.read(redis, 9) == []


def test_a_key_without_some_scopes_is_kept_with_what_it_costs(connections: Command, redis: Redis) -> None:
    told = connections("add", "brand-c", text="pk_plain\n")
    assert told.exit_code == 0
    assert "Warning: without events:write: events are held in their queue" in told.stderr
    assert key_of(redis) == "pk_plain"


def test_a_connection_that_has_a_key_is_not_added_again(connections: Command, redis: Redis) -> None:
    connections("add", "brand-c", text="pk_c\n")
    refused(connections("add", "brand-c", text="pk_c2\n"), 2, "ferry connections rotate brand-c")
    refused(connections("add", "default", text="pk_c2\n"), 2, "set KLAVIYO_API_KEY")
    refused(connections("add", "mparticle-7", text="pk_c2\n"), 2, "a name has up to 40 lower-case letters")
    refused(connections("add", "brand-d", text="pk_c\n", FERRY_SECRET_KEY=""), 2, "FERRY_SECRET_KEY")
    assert (accounts.with_key(redis), key_of(redis)) == (["brand-c"], "pk_c")
    told = connections("add", "brand-d", text="pk_c2\n")
    assert "brand-c also uses this account" in told.stderr


def test_a_table_of_the_file_may_have_its_key_kept(connections: Command, redis: Redis, tmp_path: Path) -> None:
    file = tmp_path / "connections.toml"
    file.write_text("[connections.brand-c]\nflush_size = 7\n")
    of_file = partial(connections, FERRY_CONNECTIONS=str(file))
    assert of_file("add", "brand-c", text="pk_c\n").exit_code == 0
    line = listed(of_file)["brand-c"]
    assert (line["key"], line["policy"]["size"]) == ("kept", 7)


def test_a_test_names_each_scope_and_fails_where_nothing_could_be_delivered(connections: Command) -> None:
    good = connections("test", "default")
    assert (good.exit_code, "account Emulator (EmULat)" in good.stdout) == (0, True)
    narrow = connections("test", "default", KLAVIYO_API_KEY="pk_reader", COLUMNS="200")
    refused(narrow, 1, "the key of default cannot deliver people")
    rows = {line.split()[0]: line.split()[1] for line in narrow.stdout.splitlines()[2:]}
    assert (rows["accounts:read"], rows["lists:write"], rows["events:write"]) == ("yes", "no", "no")
    assert "unknown" in next(line for line in narrow.stdout.splitlines() if line.startswith("profiles:write"))
    refused(connections("test", "nowhere"), 2, "there is no connection 'nowhere'")
    refused(connections("test", "default", KLAVIYO_API_KEY=""), 1, "has no key")


def test_a_key_is_rotated_within_its_account(connections: Command, redis: Redis) -> None:
    connections("add", "brand-c", text="pk_c\n")
    holds.place(redis, "brand-c", Hold("unauthenticated", 1, probed=True))
    told = connections("rotate", "brand-c", text="pk_c2\n")
    assert told.exit_code == 0, told.output
    assert "held (unauthenticated); that ends within minutes" in told.stdout
    assert key_of(redis) == "pk_c2"
    assert audit.read(redis, 1)[0].what == "key rotated"


@pytest.mark.parametrize("key", ["pk_nobody", "pk_reader", "pk_other", "pk_plain", "pk_c"])
def test_the_old_key_stays_where_the_new_one_fails(connections: Command, redis: Redis, key: str) -> None:
    connections("add", "brand-c", text="pk_c\n")
    told = connections("rotate", "brand-c", text=f"{key}\n")
    refused(told, 1, "nothing was changed" if key == "pk_c" else "The old key stays")
    assert key_of(redis) == "pk_c"


def test_a_revoked_key_is_rotated_by_the_account_that_was_noted(connections: Command, redis: Redis, api: Api) -> None:
    connections("add", "brand-c", text="pk_c\n")
    api.control("keys", {"keys": [{"key": "pk_c2"}]})
    assert connections("rotate", "brand-c", text="pk_c2\n").exit_code == 0
    assert key_of(redis) == "pk_c2"


def test_a_key_that_cannot_be_read_any_more_is_rotated_all_the_same(connections: Command, redis: Redis) -> None:
    connections("add", "brand-c", text="pk_c\n")
    other = "another secret of sixteen characters"
    assert connections("rotate", "brand-c", text="pk_c2\n", FERRY_SECRET_KEY=other).exit_code == 0
    assert accounts.key_of(redis, "brand-c", Cipher([other])) == "pk_c2"


def test_moving_to_another_account_forgets_the_lists_of_the_old_one(connections: Command, redis: Redis) -> None:
    connections("add", "brand-c", text="pk_c\n")
    put(redis, "a@example.com", queue=BRAND_C)
    redis.hset(keys.queue(BRAND_C), mapping={"list_id": "L1", "list_name": "VIPs", "upto": 1, "upto_by": "operator"})
    batch_id = take(redis, BRAND_C)
    assert batch_id is not None
    refused(connections("rotate", "brand-c", "--other-account", text="pk_other\n"), 1, str(BRAND_C), "old key stays")
    assert (key_of(redis), redis.hget(keys.queue(BRAND_C), "list_id")) == ("pk_c", b"L1")
    settle(redis, batch_id)
    assert connections("rotate", "brand-c", "--other-account", text="pk_other\n").exit_code == 0
    assert (key_of(redis), redis.hget(keys.queue(BRAND_C), "list_id")) == ("pk_other", None)
    assert audit.read(redis, 1)[0].outcome == "to another account"


def test_a_key_that_ferry_does_not_keep_is_checked_and_where_to_change_it_is_said(
    connections: Command, redis: Redis
) -> None:
    refused(connections("rotate", "default", text="pk_c\n"), 1, "new key works", "set KLAVIYO_API_KEY")
    accounts.remember(redis, "mparticle-7", accounts.AccountSettings({}, "pk_c"), Cipher([SECRET]))
    refused(connections("rotate", "mparticle-7", text="pk_c2\n"), 1, "new key works", "apiKey in the CDP")
    refused(connections("rotate", "nowhere", text="pk_c\n"), 2, "ferry connections add nowhere")
    assert accounts.with_key(redis) == []


def test_a_connection_is_not_removed_while_changes_wait_or_are_under_way(connections: Command, redis: Redis) -> None:
    connections("add", "brand-c", text="pk_c\n")
    put(redis, "a@example.com", queue=BRAND_C)
    refused(connections("remove", "brand-c", "--force"), 1, "brand-c/audience/42 VIPs: 1 pending change")
    redis.hset(keys.queue(BRAND_C), mapping={"upto": 1, "upto_by": "operator"})
    batch_id = take(redis, BRAND_C)
    assert batch_id is not None
    refused(connections("remove", "brand-c", "--force"), 1, "1 in progress")
    settle(redis, batch_id, dead=1)
    refused(connections("remove", "brand-c"), 1, "1 dead letter", "--force")
    holds.place(redis, "brand-c", Hold("by hand", now_ms()))
    assert connections("remove", "brand-c", "--force").exit_code == 0
    assert (accounts.with_key(redis), holds.of_connections(redis)) == ([], {})
    assert redis.xlen(keys.queue(BRAND_C, "dead")) == 1, "the letter stays"
    assert audit.read(redis, 1)[0].counts == {"dead": 1}


def test_what_was_not_added_is_not_removed(connections: Command, redis: Redis) -> None:
    refused(connections("remove", "default"), 2, "remove it from connections.toml or the environment")
    refused(connections("remove", "nowhere"), 2, "there is no connection nowhere to remove; added connections: none")
    put(redis, "a@example.com", queue=VIPS)
    assert redis.llen(keys.queue(VIPS, "pending")) == 1
