"""What the intake needs for large messages and strange names is returned when they are answered."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from intake.audiences import Audiences, facts
from intake.http import limits
from queues.acceptance import Acceptance, calls
from queues.names import Queue
from queues.policy import FlushPolicy
from tests.support.group import Group
from tests.support.intake import Intake
from tests.support.proxied_system import environment
from tests.support.ugly import MEMORY_MB
from tests.support.web import TOKEN

_VALUES = 490_000


def many(one: bytes, most: int = _VALUES) -> bytes:
    """So many values, or as many as fit into one body."""
    return b",".join([one] * min(most, (limits.BODY - 1_000) // (len(one) + 1)))


#: Large messages that took a hundred MB each or were kept for ever; with the status of the answer.
LARGE: dict[str, Callable[[], tuple[str, bytes, int]]] = {
    "a name twice among many values": lambda: (
        "/v1/changes",
        b'{"audience":{"id":1,"id":1,"x":[%b]},"changes":[]}' % many(b'"abcdefghijklmn"'),
        400,
    ),
    "many objects": lambda: (
        "/v1/changes",
        b'{"audience":{"id":1,"x":[%b]},"changes":[]}' % many(b'{"a":1}', _VALUES // 3),
        202,
    ),
    "text beyond the first plane": lambda: (
        "/v1/changes?audience=1",
        b'{"changes":[{"action":"add","email":"a@x.io","attributes":{"x":"\xf0\x9f\x98\x80%b"}}]}'
        % (b"a" * 10_000_000),
        202,
    ),
    "long numbers": lambda: (
        "/v1/mparticle",
        b'{"type":"event_processing_request","events":[%b]}' % many(b"1" * 30, 100_000),
        200,
    ),
    "exclusions, and a member who is not a person": lambda: (
        "/v1/campaigns",
        b'{"name":"x","groups":[{"name":"a","members":[1]}],"exclusions":[%b]}' % many(b'{"email":"a@x.io"}', 9_999),
        400,
    ),
}


def resident(pid: int, what: str = "VmRSS") -> float:
    """MB of memory that a process has, or has had at most (VmHWM)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the memory of another process")
def test_memory_of_large_messages_is_returned_to_the_system(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    with Group(environment(redis_url, "http://127.0.0.1:9"), tmp_path, "web", fresh=True) as group:
        intake, pid = Intake(group.port), group.pid("web")
        for path, _, _ in (make() for make in LARGE.values()):  # all that is loaded on first use
            intake.post(path, json.dumps({}), TOKEN)
        before = resident(pid)
        for make in [*LARGE.values()] * 2:
            path, body, status = make()
            answer = intake.post(path, body, TOKEN)
            assert answer.status_code == status, answer.text[:300]
        assert resident(pid) - before < 30
        assert resident(pid, "VmHWM") < MEMORY_MB


def test_tables_by_audience_are_bounded_however_many_and_long_the_names(redis: Redis) -> None:
    audiences = Audiences()
    policy = FlushPolicy()

    def of(number: int, **more: Any) -> Acceptance:
        queue = Queue("default", "audience", f"{number:0{limits.AUDIENCE_ID}}")
        return Acceptance(queue, policy, audience=facts("x" * limits.AUDIENCE_NAME, {"more": "y" * 3_000}), **more)

    tracemalloc.start()
    try:
        for number in range(20_000):
            calls([of(number)], 0)
            audiences.remember([of(number)])
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 20_000_000
