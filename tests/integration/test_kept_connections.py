"""A connection added at run time: the intake takes for it, the worker delivers with its key, no secret is lost."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from redis import Redis

from configuration.connections import Connection, Connections
from configuration.settings import Settings
from queues import holds, keys
from queues.clock import now_ms
from queues.connections import accounts
from queues.connections.accounts import Cipher
from queues.errors import NoSecretKey, SecretKeyChanged
from queues.names import Queue
from scheduler import main as scheduler
from tests.support.intake import Intake
from tests.support.waiting import until
from tests.support.world import SECRET, World
from worker.process import settings_of_process

QUEUE = Queue("brand-c", "audience", "42")
CHANGES: dict[str, Any] = {
    "audience": {"id": "42", "name": "VIPs"},
    "changes": [{"action": "add", "email": "a@example.com"}],
}


def keep(redis: Redis, key: str = "pk_c", secret: str = SECRET) -> None:
    assert accounts.add_key(redis, "brand-c", accounts.seal_key(Cipher([secret]), key, now_ms(), "AbC"))


def restarted(redis_url: str, *secrets: str) -> None:
    """A scheduler starts with these secrets, as far as it does before its first tick."""
    connections = Connections({"default": Connection("default")})
    scheduler._begin_when_up(
        Redis.from_url(redis_url), Settings(redis_url, connections, secret_keys=secrets), threading.Event()
    )


def test_the_intake_knows_it_soon_and_forgets_it_soon(intake: Intake, redis: Redis) -> None:
    def status() -> int:
        return intake.post("/v1/changes?connection=brand-c", CHANGES).status_code

    assert status() == 404
    keep(redis)
    until(lambda: status() == 202, "it is known")
    assert redis.llen(keys.queue(QUEUE, "pending")) > 0
    accounts.drop_key(redis, "brand-c")
    until(lambda: status() == 404, "it is forgotten")


def test_its_people_are_delivered_with_its_key_by_a_worker_that_was_up_before(world: World) -> None:
    world.queue = QUEUE
    world.control("keys", keys=[{"key": "pk_c"}])
    world.change("add", "a@example.com")
    assert settings_of_process().connections.named("default")
    keep(world.redis)
    world.deliver()
    assert world.members() == {"a@example.com"}, "with pk_c, for no other key is taken"


def test_what_is_left_of_one_that_was_removed_waits_held_and_goes_on_when_it_is_back(world: World) -> None:
    world.queue = QUEUE
    world.change("add", "a@example.com")
    batch_id = world.take()
    world.ring(batch_id)
    held = holds.of_connections(world.redis)["brand-c"]
    assert (held.reason, "ferry connections add brand-c" in held.resolve) == ("connection_unknown", True)
    keep(world.redis)
    holds.release(world.redis, "brand-c")
    world.ring(batch_id)
    world.ring(batch_id)
    assert world.members() == {"a@example.com"}


def test_a_key_that_cannot_be_read_holds_the_connection(world: World) -> None:
    world.queue = QUEUE
    keep(world.redis, secret="another secret of sixteen characters")
    world.change("add", "a@example.com")
    world.deliver(rings=1)
    assert holds.of_connections(world.redis)["brand-c"].reason == "api_key_unreadable"


def test_the_secret_is_exchanged_with_a_restart_and_the_old_one_is_needed_no_more(redis: Redis, redis_url: str) -> None:
    old, new = "the old secret key", "the new secret key"
    keep(redis, secret=old)
    restarted(redis_url, new, old)
    assert accounts.key_of(redis, "brand-c", Cipher([new])) == "pk_c"
    with pytest.raises(SecretKeyChanged):
        accounts.key_of(redis, "brand-c", Cipher([old]))
    found = accounts.stored_key(redis, "brand-c")
    assert found is not None
    assert found.account == "AbC"


def test_a_key_that_no_secret_opens_stays_as_it_is(redis: Redis, redis_url: str) -> None:
    keep(redis)
    before = redis.hgetall(keys.CONNECTIONS)
    restarted(redis_url, "quite another secret key")
    restarted(redis_url)
    assert redis.hgetall(keys.CONNECTIONS) == before
    assert accounts.key_of(redis, "brand-c", Cipher([SECRET])) == "pk_c"


def test_a_key_exchanged_while_all_are_encrypted_anew_does_not_come_back(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(redis, "pk_old")
    cipher = Cipher([SECRET])
    decrypt, meanwhile = cipher.decrypt, iter([True])

    def decrypted(token: bytes) -> str:
        if next(meanwhile, False):
            accounts.exchange_key(redis, "brand-c", accounts.seal_key(Cipher([SECRET]), "pk_new", 1, "AbC"))
        return decrypt(token)

    monkeypatch.setattr(cipher, "decrypt", decrypted)
    accounts.reseal_keys(redis, cipher)
    assert accounts.key_of(redis, "brand-c", Cipher([SECRET])) == "pk_new"


def test_nothing_at_rest_or_shown_gives_a_key_away(redis: Redis) -> None:
    keep(redis, "pk_canary")
    assert "canary" not in repr(redis.hvals(keys.CONNECTIONS))
    assert "gAAAA" not in repr(accounts.stored_key(redis, "brand-c"))
    with pytest.raises(NoSecretKey):
        accounts.seal_key(Cipher([]), "pk_canary", 1, None)
