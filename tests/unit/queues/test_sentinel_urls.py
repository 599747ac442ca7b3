"""What an address of Sentinels says, and what is said of a wrong one."""

from __future__ import annotations

import pytest
from marshmallow import ValidationError

from configuration import checks
from queues.server.sentinel import SentinelUrl, read

WHOLE = "rediss+sentinel://me:p%40ss@one:1,[::1]:2,three/my%2Dmaster/3?sentinel_password=s&ssl_cert_reqs=required"


def test_everything_in_an_address_is_read() -> None:
    assert read(WHOLE) == SentinelUrl(
        (("one", 1), ("::1", 2), ("three", 26379)),
        "my-master",
        {"username": "me", "password": "p@ss", "db": 3, "ssl": True, "ssl_cert_reqs": "required"},
        {"ssl": True, "ssl_cert_reqs": "required", "password": "s"},
    )


def test_the_least_address_asks_without_tls_or_password() -> None:
    assert read("redis+sentinel://one/main") == SentinelUrl(
        (("one", 26379),), "main", {"ssl": False}, {"ssl": False, "password": None}
    )


def test_secrets_are_not_shown() -> None:
    assert "p@ss" not in repr(read(WHOLE))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis+sentinel://:hunter2@one:26379", "the name of the primary"),
        ("redis+sentinel://:hunter2@one:26379,/main", "each Sentinel is a host"),
        ("redis+sentinel://:hunter2@one:99999/main", "not a number from 0 to 65535"),
        ("redis+sentinel://:hunter2@one/main/first", "number of a database"),
    ],
)
def test_a_wrong_address_is_refused_with_the_reason_and_without_its_password(url: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says) as refusal:
        checks.redis_url(url)
    assert "hunter2" not in str(refusal.value)
