"""A connection delivers to one account of Klaviyo's; a key of another one holds it until a person confirms that."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import requests
from redis import Redis

from console.auth.roles import Role
from emulator.server import running
from queues import holds, keys, pending
from queues.clock import now_ms
from queues.connections import accounts
from queues.holds import ACCOUNT_CHANGED, Hold
from queues.names import Queue
from tests.support.console import Console
from tests.support.pages import press, said
from tests.support.world import SECRET, World
from worker.process import settings_of_process

#: Two keys of one account, one of another, one that may not tell whose it is, and one that does not work.
KEYS: list[dict[str, Any]] = [
    {"key": "pk_test", "account": "AAAAAA"},
    {"key": "pk_rotated", "account": "AAAAAA"},
    {"key": "pk_other", "account": "BBBBBB"},
    {"key": "pk_mute", "account": "AAAAAA", "scopes": ["lists:read", "lists:write", "profiles:read", "profiles:write"]},
    {
        "key": "pk_mute_too",
        "account": "BBBBBB",
        "scopes": ["lists:read", "lists:write", "profiles:read", "profiles:write"],
    },
    {"key": "pk_revoked", "account": "AAAAAA", "revoked": True},
]


@pytest.fixture(autouse=True)
def _keys(world: World) -> None:
    world.control("keys", keys=KEYS)


def use(monkeypatch: pytest.MonkeyPatch, key: str, **more: str) -> None:
    """The worker is started again with another key."""
    for name, value in {"KLAVIYO_API_KEY": key, **more}.items():
        monkeypatch.setenv(name, value)
    settings_of_process.cache_clear()


def hold_of(redis: Redis, connection: str = "default") -> Hold | None:
    return holds.of_connections(redis).get(connection)


def asked(world: World) -> int:
    return len(world.requests("/api/accounts"))


def go_on(world: World) -> None:
    """Ring for the open batch, as the scheduler does again and again."""
    (batch_id,) = cast("list[bytes]", world.redis.zrange(keys.queue(world.queue, "batches"), 0, -1))
    for _ in range(4):
        world.ring(batch_id.decode())


def delivered(world: World, *people: str) -> bool:
    world.change("add", *people)
    world.deliver()
    return set(people) <= world.members()


def test_a_key_is_asked_for_its_account_once(world: World) -> None:
    assert delivered(world, "ann@example.com")
    assert delivered(world, "bob@example.com")
    assert asked(world) == 1


def test_another_key_of_the_same_account_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert delivered(world, "ann@example.com")
    use(monkeypatch, "pk_rotated")
    assert delivered(world, "bob@example.com")
    use(monkeypatch, "pk_test")
    assert delivered(world, "cat@example.com"), "the old one is still known"
    assert (asked(world), hold_of(world.redis)) == (2, None)


def test_a_key_of_another_account_holds_the_connection_and_sends_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert delivered(world, "ann@example.com")
    use(monkeypatch, "pk_other")
    before = len(world.requests())
    assert not delivered(world, "bob@example.com")
    hold = hold_of(world.redis)
    assert hold is not None
    assert hold.reason == ACCOUNT_CHANGED
    assert "belongs to account BBBBBB; until now its people went to account AAAAAA" in hold.resolve
    assert "ferry release default" in hold.resolve
    assert [each["path"] for each in world.requests()[before:]] == ["/api/accounts"]
    assert (world.counts()["open"], world.counts()["dead"]) == (1, 0)
    world.change("add", "cat@example.com")
    assert world.counts()["accepted"] == 3, "intake goes on"


@pytest.mark.parametrize("key", ["pk_test", "pk_rotated"])
def test_a_key_of_the_old_account_ends_the_hold_by_itself_where_it_is_known(
    key: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert delivered(world, "ann@example.com")
    use(monkeypatch, "pk_rotated")
    assert delivered(world, "dan@example.com")
    use(monkeypatch, "pk_other")
    assert not delivered(world, "bob@example.com")
    use(monkeypatch, key)
    go_on(world)
    assert "bob@example.com" in world.members()
    assert hold_of(world.redis) is None


def test_a_hold_of_the_queue_outlasts_the_one_that_ends_by_itself(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert delivered(world, "ann@example.com")
    use(monkeypatch, "pk_other")
    assert not delivered(world, "bob@example.com")
    holds.place(world.redis, world.queue, Hold("by hand", now_ms()))
    use(monkeypatch, "pk_test")
    before = len(world.requests())
    go_on(world)
    assert hold_of(world.redis) is None
    assert len(world.requests()) == before
    holds.release(world.redis, world.queue)
    go_on(world)
    assert "bob@example.com" in world.members()


def test_a_new_key_of_the_old_account_ends_it_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert delivered(world, "ann@example.com")
    use(monkeypatch, "pk_other")
    assert not delivered(world, "bob@example.com")
    use(monkeypatch, "pk_rotated")
    go_on(world)
    assert "bob@example.com" in world.members()
    assert hold_of(world.redis) is None


def test_release_confirms_the_account_that_was_shown_and_no_other(
    world: World, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert delivered(world, "ann@example.com")
    use(monkeypatch, "pk_other")
    assert not delivered(world, "bob@example.com")
    told = command("release", "default")
    assert told.exit_code == 0, told.stderr
    assert "default was released." in told.output
    assert "It delivers to account BBBBBB from now on." in told.output
    assert "release" in command("audit").output
    go_on(world)
    assert "bob@example.com" in world.members()
    use(monkeypatch, "pk_test")
    assert not delivered(world, "cat@example.com"), "the way back is a change of account as well"
    hold = hold_of(world.redis)
    assert hold is not None
    assert hold.moved is not None
    assert (hold.moved.account, hold.moved.before) == ("AAAAAA", "BBBBBB")


def test_the_page_says_what_a_release_comes_to_and_does_it(
    world: World, linked: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.remember(world.redis, "default", accounts.AccountSettings({}, "pk_test"), accounts.Cipher([SECRET]))
    assert delivered(world, "ann@example.com")
    accounts.remember(world.redis, "default", accounts.AccountSettings({}, "pk_other"), accounts.Cipher([SECRET]))
    assert not delivered(world, "bob@example.com"), "a key that a CDP sends is no better"
    browser = linked.browser(Role.OPERATOR)
    asked = browser.get(f"{linked.url}/connections/default/release?next=/holds", timeout=30)
    assert "After release it delivers to account BBBBBB instead of account AAAAAA" in said(asked.text)
    assert "account_changed" in said(asked.text)
    press(browser, asked, "Release default")
    assert hold_of(world.redis) is None
    assert delivered(world, "cat@example.com")


@pytest.mark.parametrize("before", ["pk_test", "pk_mute"])
def test_a_key_that_may_not_tell_its_account_is_taken_as_the_first_only(
    before: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, before)
    assert delivered(world, "ann@example.com")
    assert delivered(world, "dan@example.com")
    use(monkeypatch, "pk_mute_too")
    assert not delivered(world, "bob@example.com")
    hold = hold_of(world.redis)
    assert hold is not None
    assert "an account that Ferry cannot identify (the key has no accounts:read)" in hold.resolve


def test_a_rotation_to_another_account_has_confirmed_it(
    world: World, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, "")
    added = command("connections", "add", "default", text="pk_test\n", KLAVIYO_API_KEY="")
    assert added.exit_code == 0, added.stderr
    assert delivered(world, "ann@example.com")
    rotate = ("connections", "rotate", "default")
    assert command(*rotate, text="pk_other\n", KLAVIYO_API_KEY="").exit_code == 1
    moved = command(*rotate, "--other-account", text="pk_other\n", KLAVIYO_API_KEY="")
    assert moved.exit_code == 0, moved.stderr
    assert delivered(world, "bob@example.com")
    assert hold_of(world.redis) is None


def test_klaviyos_silence_holds_this_connections_delivery_back_and_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "connections.toml"
    file.write_text('[connections.brand]\napi_key_env = "BRAND_KEY"\n')
    use(monkeypatch, "pk_test", FERRY_CONNECTIONS=str(file), BRAND_KEY="pk_other")
    world.fault("500", "/api/accounts")
    world.change("add", "ann@example.com")
    batch_id = world.take()
    world.ring(batch_id)
    assert [each["path"] for each in world.requests()] == ["/api/accounts"], "nobody is sent to an unknown account"
    assert (hold_of(world.redis), world.counts()["open"]) == (None, 1)
    brand = World(world.redis, world.klaviyo, Queue("brand", "audience", "7"))
    brand.name = "Brand"
    brand.change("add", "bob@example.com")
    brand.deliver()
    assert brand.members("Brand") == {"bob@example.com"}
    for _ in range(4):
        world.ring(batch_id)
    assert world.members() == {"ann@example.com"}


def test_a_key_that_works_no_longer_is_held_as_refused_and_not_as_another_account(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert delivered(world, "ann@example.com")
    use(monkeypatch, "pk_revoked")
    assert not delivered(world, "bob@example.com")
    hold = hold_of(world.redis)
    assert hold is not None
    assert hold.reason == "unauthenticated"


def test_a_key_that_an_emulator_took_is_not_known_at_another_address(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert delivered(world, "ann@example.com")
    with running(job_seconds=0) as elsewhere:  # any key is good there, and its account is another one
        use(monkeypatch, "pk_test", KLAVIYO_BASE_URL=elsewhere)
        other = World(world.redis, elsewhere)
        requests.post(f"{elsewhere}/_emulator/keys", json={"keys": [{"key": "pk_test"}]}, timeout=30).raise_for_status()
        other.change("add", "bob@example.com")
        other.deliver()
        assert (other.members(), len(other.requests())) == (set(), 1)
    hold = hold_of(world.redis)
    assert hold is not None
    assert hold.reason == ACCOUNT_CHANGED


def test_only_the_connection_with_the_other_account_is_held(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "connections.toml"
    file.write_text('[connections.brand]\napi_key_env = "BRAND_KEY"\n')
    use(monkeypatch, "pk_test", FERRY_CONNECTIONS=str(file), BRAND_KEY="pk_rotated")
    brand = World(world.redis, world.klaviyo, Queue("brand", "audience", "7"))
    brand.name = "Brand"
    brand.change("add", "bob@example.com")
    brand.deliver()
    use(monkeypatch, "pk_test", BRAND_KEY="pk_other")
    brand.change("add", "cat@example.com")
    brand.deliver()
    assert delivered(world, "ann@example.com")
    assert holds.of_connections(world.redis).keys() == {"brand"}
    assert pending.all_queues(world.redis)
