"""What senders and logs say when Redis refuses a connection."""

from __future__ import annotations

import pytest
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import RedisError

from queues.errors import NoFreeConnection, Unavailable, outage

TOO_MANY = Unreachable("max number of clients reached")


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (TOO_MANY, "Raise maxclients.* Nothing was accepted"),
        (NoFreeConnection(3), "FERRY_REDIS_CONNECTIONS allows, and none was free within 3 s.* Nothing was accepted"),
        (Unreachable("x"), "cannot be reached"),
    ],
)
def test_a_sender_gets_the_reason_and_the_remedy(cause: RedisError, said: str) -> None:
    with pytest.raises(Unavailable, match=said):
        raise Unavailable from cause


def test_a_log_line_names_too_many_connections_and_quotes_other_faults() -> None:
    assert "Raise maxclients" in outage(TOO_MANY)
    assert "Raise it" in outage(NoFreeConnection(3))
    assert "must announce the names" in outage(Unreachable("[SSL: CERTIFICATE_VERIFY_FAILED] Hostname mismatch"))
    assert outage(Unreachable("refused")) == "Redis does not answer (refused)."
