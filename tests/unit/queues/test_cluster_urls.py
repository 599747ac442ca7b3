"""What an address of a Redis Cluster says, and what is said of a wrong one."""

from __future__ import annotations

import pytest
from marshmallow import ValidationError

from configuration import checks
from queues.server.cluster_url import ClusterUrl, read

WHOLE = "rediss+cluster://me:p%40ss@one:1,[::1]:2,three/0?ssl_cert_reqs=required"


def test_everything_in_an_address_is_read() -> None:
    assert read(WHOLE) == ClusterUrl(
        (("one", 1), ("::1", 2), ("three", 6379)),
        {"username": "me", "password": "p@ss", "ssl": True, "ssl_cert_reqs": "required"},
    )


def test_the_least_address_has_neither_tls_nor_a_password() -> None:
    assert read("redis+cluster://one") == ClusterUrl((("one", 6379),), {})


def test_secrets_are_not_shown() -> None:
    assert "p@ss" not in repr(read(WHOLE))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis+cluster://:hunter2@one:6379,", "each node is a host"),
        ("redis+cluster://:hunter2@one:99999", "not a number from 0 to 65535"),
        ("redis+cluster://:hunter2@one/1", "database 0 only"),
        ("redis+cluster://:hunter2@one?db=1", "database 0 only"),
    ],
)
def test_a_wrong_address_is_refused_with_the_reason_and_without_its_password(url: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says) as refusal:
        checks.redis_url(url)
    assert "hunter2" not in str(refusal.value)
