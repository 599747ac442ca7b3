"""What is kept about connections, on a server in memory: plain commands, no scripts."""

from __future__ import annotations

from collections.abc import Iterator

import fakeredis
import pytest
from redis import Redis

from queues import keys
from queues.connections import accounts
from queues.connections.accounts import AccountSettings, Cipher
from queues.errors import NoSecretKey, SecretKeyChanged

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
