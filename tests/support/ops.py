"""For tests of the commands: counts made by hand, a ledger filled by hand, and a way to call `ferry`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
from click.testing import CliRunner, Result
from redis import Redis

from commands.main import main
from queues import batches, pending
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.change import Body, encode, person_key
from queues.clock import now_ms
from queues.counts import QueueCount
from queues.names import Queue
from queues.policy import FlushPolicy, Waiting, decide
from queues.settlement import Settlement, Undeliverable
from tests.support import forked
from tests.support.paths import ROOT

VIPS = Queue("default", "audience", "42")
LAPSED = Queue("brand-b", "audience", "43")
#: Where no Redis listens.
NOWHERE = "redis://user:s3cret@127.0.0.1:1/0"
COMMAND = [sys.executable, "-P", "-m", "commands"]


def counted(queue: Queue = VIPS, name: str = "VIPs", **more: Any) -> QueueCount:
    """A count of nothing, and what `more` says."""
    zeroes = dict.fromkeys(("accepted", "open", "delivered", "dead", "superseded", "kept", "taken", "upto"), 0)
    nothing = {"policy": FlushPolicy(), "waiting": Waiting(0), **zeroes}
    return QueueCount(queue, name, **{**nothing, **more})


def ferry(redis_url: str, var: Path, *words: str, text: str | None = None, **env: str) -> Result:
    """Call `ferry` in this process, with these settings and none of the machine's."""
    known = {"REDIS_URL": redis_url, "FERRY_VAR": str(var), "KLAVIYO_API_KEY": "pk_test", **env}
    nothing = dict.fromkeys(("FERRY_TOKENS", "FERRY_SECRET_KEY", "FERRY_CONNECTIONS", "KLAVIYO_BASE_URL", "FERRY_URL"))
    return CliRunner().invoke(main, list(words), input=text, env={**nothing, **known})


def environment(redis_url: str | None, var: Path, **env: str) -> dict[str, str]:
    """The environment of a `ferry` of its own, with these settings and none of the machine's."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("FERRY_", "KLAVIYO_", "REDIS_"))}
    known |= {"FERRY_VAR": str(var), "PYTHONPATH": str(ROOT), **env}
    return known if redis_url is None else {**known, "REDIS_URL": redis_url}


def ferry_process(redis_url: str | None, var: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Call `ferry` as a process of its own, for commands that set up signals and logging."""
    return forked.run(COMMAND + list(words), environment(redis_url, var, **env), 180)


def change(address: str) -> bytes:
    """Somebody joins."""
    body = Body("add", now_ms(), "changes", "m-1", msgspec.Raw(b'{"email":"%s"}' % address.encode()))
    return encode((person_key("email", address),), now_ms(), body)


def put(redis: Redis, *people: str, queue: Queue = VIPS, name: str = "VIPs", dead: str = "") -> None:
    """Accept a message about these people, one of whom may be dead on arrival."""
    letters = [DeadOnArrival(change(dead), "malformed", f"$.changes[0]: {dead} is wrong")] if dead else []
    audience = msgspec.json.encode({"name": name, "settings": {}})
    changes = [change(person) for person in people]
    accept(redis, Acceptance(queue, FlushPolicy(), "", changes, letters, audience), now_ms())


def take(redis: Redis, queue: Queue = VIPS) -> str | None:
    """Take one batch, if the queue is due; its id."""
    (seen,) = pending.look(redis, [queue])
    decision = decide(seen.waiting, FlushPolicy(), now_ms())
    return None if decision is None else pending.take(redis, seen, *decision, now_ms())


def settle(redis: Redis, batch_id: str, superseded: int = 0, dead: int = 0) -> None:
    """End a batch as if delivered, with so many superseded, and so many dead for no_email."""
    batch = batches.reclaim(redis, batch_id, now_ms(), 60_000)
    assert batch is not None
    letters = [Undeliverable(i, "no_email", {"field": "email", "detail": "p0@ is wrong"}) for i in range(dead)]
    batches.settle(redis, batch, Settlement(superseded, letters, warnings={"phone_invalid": 1}), now_ms())


def stays_held(told: Result, *words: str) -> None:
    """`ferry release` says with these words that something stays held, and how to release it all the same."""
    assert told.exit_code == 1
    for word in (*words, "add --force"):
        assert word in told.stderr
