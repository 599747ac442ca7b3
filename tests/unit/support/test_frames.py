"""Which requests crash tests do not die after: a count for the metrics, and no other count."""

from __future__ import annotations

from io import BytesIO

import pytest
from redis import Redis

from queues import keys
from tests.support.frames import redis_commands
from tests.support.mortal import described_all
from tests.support.proxied_system import READS


def sent(*words: str) -> str:
    """The name of a command as the proxy reads it off the wire."""
    wire = b"".join([b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words)])
    ((name, frame),) = redis_commands(BytesIO(wire))
    assert frame == wire
    return name


@pytest.mark.parametrize(
    ("key", "passed_over"), [(keys.METRICS, True), (keys.CONFIRMATIONS, False), ("ferry:{p00}:q:a/b/c", False)]
)
def test_a_count_is_passed_over_only_where_no_delivery_looks(key: str, passed_over: bool) -> None:
    assert (sent("HINCRBY", key, "what", "1") in READS) is passed_over
    pipe = Redis().pipeline(transaction=False)
    pipe.hincrby(key, "what", 1)
    assert (described_all(pipe) in READS) is passed_over


def test_a_count_beside_another_request_is_not_passed_over() -> None:
    pipe = Redis().pipeline(transaction=False)
    pipe.hincrby(keys.METRICS, "what", 1)
    pipe.hset(keys.METRICS, "what", 1)
    assert described_all(pipe) not in READS


def test_other_commands_go_by_their_name_alone() -> None:
    assert [sent("EVALSHA", "0", "k"), sent("exec")] == ["EVALSHA", "EXEC"]
