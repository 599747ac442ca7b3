"""Every key there is begins with FERRY_PREFIX, and its slot in a Redis Cluster is decided by the same hash tag."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from redis.crc import key_slot

from tests.support.paths import ROOT

_PROGRAM = """
import inspect, json
from queues import doorbell, keys
from queues.names import Queue
from rq.job import Job
from rq import Queue as RQ, Worker
given = {"name": Queue("default", "audience", "42"), "number": 3, "batch_id": "03-ab", "snapshot_id": "03-cd"}
given |= {"like": keys.RQ_PREFIX}
made = {name: value for name, value in vars(keys).items() if name.isupper() and isinstance(value, str)}
for name, call in inspect.getmembers(keys, inspect.isfunction):
    if call.__module__ == "queues.keys" and call.__annotations__["return"] == "str":
        made[name] = call(*(given.get(each, "x") for each in inspect.signature(call).parameters if each != "part"))
made |= {"limits": keys.LIMITS, "throttle": keys.THROTTLE, "job": Job.key_for("j")}
made |= {"rq": RQ.redis_queue_namespace_prefix, "rqs": RQ.redis_queues_keys, "w": Worker.redis_worker_namespace_prefix}
print(json.dumps({name: value for name, value in made.items() if name != "PREFIX"}))
"""


def made(prefix: str) -> dict[str, str]:
    """Every key by what makes it, in a process with this prefix."""
    env = {**os.environ, "FERRY_PREFIX": prefix, "PYTHONPATH": str(ROOT)}
    told = subprocess.run([sys.executable, "-c", _PROGRAM], env=env, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(told.stdout)
    return found


@pytest.mark.parametrize("prefix", ["staging:", "a.b-c_D9"])
def test_a_prefix_stands_in_front_of_every_key_and_changes_nothing_else(prefix: str) -> None:
    plain, prefixed = made(""), made(prefix)
    assert len(plain) > 30
    assert all(key.startswith(("ferry:", "{ferry-rq}:")) for key in plain.values())
    assert prefixed == {name: f"{prefix}{key}" for name, key in plain.items()}
    tagged = {name for name, key in plain.items() if "{" in key}
    assert {"partition", "queue", "batch", "claims", "RQ_PREFIX"} <= tagged
    for name in tagged:
        assert key_slot(plain[name].encode()) == key_slot(prefixed[name].encode())


def test_the_settings_can_be_read_before_the_prefix_is() -> None:
    """The folder of `ferry up` may name one, and a command that has imported the keys by then would not have it."""
    program = "import sys, commands.main; assert 'queues.key_prefix' not in sys.modules, 'imported by the settings'"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    told = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
