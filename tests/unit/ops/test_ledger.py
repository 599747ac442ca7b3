from __future__ import annotations

import pytest
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    OutOfMemoryError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as Unreachable

from configuration.settings import load
from ops.errors import Failed, Misconfigured
from ops.ledger import address, ledger, unreachable


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("rediss://user:s3cret@host:6380", "rediss://host:6380"),
        ("redis://:s3cret@host/1?password=s3cret", "redis://host/1"),
        ("unix:///var/my%20dir/redis.sock?password=s3cret", "unix:///var/my dir/redis.sock"),
        ("unix://user:s3cret@/var/redis.sock", "unix:///var/redis.sock"),
    ],
)
def test_the_address_is_shown_without_user_and_password(url: str, shown: str) -> None:
    assert address(url) == shown


@pytest.mark.parametrize(
    ("url", "fault", "remedy"),
    [
        ("redis://h", Unreachable("Connection refused."), "Start Redis there"),
        ("unix:///s", Unreachable("No such file."), "Start `ferry up`"),
        ("redis://h", AuthenticationError("invalid"), "Correct the user and password"),
        ("redis://h", BusyLoadingError("loading"), "try again when it is done"),
        ("redis://h", OutOfMemoryError("OOM"), "raise maxmemory"),
        ("redis://h", ResponseError("unknown command"), "Redis 6.2 or newer"),
    ],
)
def test_each_fault_names_the_place_the_cause_and_the_remedy(url: str, fault: RedisError, remedy: str) -> None:
    told = unreachable(url, fault)
    assert told.startswith(f"Redis at {url} cannot be used: {fault}\n")
    assert remedy in told.split("\n")[1]


def test_a_redis_that_does_not_answer_fails_with_that_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://user:s3cret@127.0.0.1:1/0")
    with pytest.raises(Failed, match="Connection refused") as fault, ledger(load()) as redis:
        redis.ping()
    assert "s3cret" not in fault.value.message


def test_a_password_that_breaks_the_address_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://user:s3/cret@host:6379/0")
    with pytest.raises(Misconfigured, match="%2F") as fault, ledger(load()):
        pass
    assert "s3" not in fault.value.message
