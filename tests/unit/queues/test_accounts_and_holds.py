"""What is kept about connections, on a server in memory: plain commands, no scripts."""

from __future__ import annotations

from collections.abc import Iterator

import fakeredis
import pytest
from redis import Redis

from queues import holds, keys
from queues.connections import accounts
from queues.connections.accounts import AccountSettings, Cipher
from queues.errors import NoSecretKey, SecretKeyChanged
from queues.holds import Hold
from queues.names import Queue

OLD, NEW = "the old secret of this installation", "the new secret of this installation"
ACCOUNT = AccountSettings({"alternateIdentifier": "Customer Id"}, "pk_of_the_customer")


@pytest.fixture
def memory() -> Iterator[Redis]:
    with fakeredis.FakeRedis() as client:
        yield client


def test_what_the_cdp_said_is_recalled_and_its_key_is_not_stored_in_the_clear(memory: Redis) -> None:
    accounts.remember(memory, "mparticle-1", ACCOUNT, Cipher([NEW]))
    assert accounts.recall(memory, "mparticle-1", Cipher([NEW])) == ACCOUNT
    stored = memory.hgetall(keys.account("mparticle-1"))
    assert "pk_of_the_customer" not in str(stored)
    assert "pk_of_the_customer" not in repr(ACCOUNT)


def test_a_connection_nobody_spoke_of_has_no_account(memory: Redis) -> None:
    assert accounts.recall(memory, "mparticle-1", Cipher([])) is None


def test_a_secret_is_exchanged_without_losing_what_it_encrypted(memory: Redis) -> None:
    accounts.remember(memory, "mparticle-1", ACCOUNT, Cipher([OLD]))
    assert accounts.recall(memory, "mparticle-1", Cipher([NEW, OLD])) == ACCOUNT
    with pytest.raises(SecretKeyChanged, match="after the new one"):
        accounts.recall(memory, "mparticle-1", Cipher([NEW]))


def test_a_key_is_not_kept_at_all_without_a_secret(memory: Redis) -> None:
    with pytest.raises(NoSecretKey, match="FERRY_SECRET_KEY"):
        accounts.remember(memory, "mparticle-1", ACCOUNT, Cipher([]))
    assert not memory.exists(keys.account("mparticle-1"))


@pytest.mark.parametrize("on", ["default", Queue("default", "audience", "42")])
def test_the_first_reason_of_a_hold_stays_until_it_is_released(memory: Redis, on: Queue | str) -> None:
    assert holds.place(memory, on, Hold("first", 1))
    assert not holds.place(memory, on, Hold("second", 2))
    held = holds.of_queue(memory, Queue("default", "audience", "42"))
    assert held is not None
    assert held.reason == "first"
    assert holds.release(memory, on)
    assert not holds.release(memory, on)
    assert holds.of_queue(memory, Queue("default", "audience", "42")) is None


def test_a_hold_on_the_connection_comes_before_one_on_the_queue(memory: Redis) -> None:
    queue = Queue("default", "audience", "42")
    holds.place(memory, queue, Hold("queue", 1))
    holds.place(memory, "default", Hold("connection", 2))
    held = holds.of_queue(memory, queue)
    assert held is not None
    assert held.reason == "connection"
