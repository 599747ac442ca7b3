"""One audience's queue on a real server, and what is done to it by hand."""

from __future__ import annotations

import msgspec
import pytest
from redis import Redis

from queues import batches, dead_letters, pending
from queues.acceptance import Acceptance, accept
from queues.change import Action, Body, encode, person_key
from queues.names import Queue
from queues.policy import FlushPolicy, decide
from tests.support.valkey import binaries

QUEUE = Queue("default", "audience", "42")
HOUR = 3_600_000
NOW = 1_800_000_000_000
LEASE = 60_000
#: Marks the tests of a module to be run on every server that the ledger is promised for.
on_every_server = pytest.mark.parametrize(
    "redis_server", binaries().values(), ids=binaries(), indirect=True, scope="module"
)


def change(person: str, at: int = NOW, action: Action = "add") -> bytes:
    body = Body(action, at, "changes", "m", msgspec.Raw(b'{"email":"%s"}' % person.encode()))
    return encode((person_key("email", person),), at, body)


def put(redis: Redis, *people: str, at: int = NOW, message: str = "", policy: FlushPolicy | None = None) -> bool:
    changes = [change(person, at) for person in people]
    acceptance = Acceptance(QUEUE, policy or FlushPolicy(), message, changes)
    return accept(redis, acceptance, at).became_due


def take_due(redis: Redis, now: int, policy: FlushPolicy | None = None) -> list[str]:
    taken = []
    for seen in pending.look(redis, pending.due(redis, now)):
        decision = decide(seen.waiting, policy or FlushPolicy(), now)
        if decision and (batch_id := pending.take(redis, seen, decision[0], decision[1], now)):
            taken.append(batch_id)
    return taken


def people(batch: batches.Batch) -> list[str]:
    return [msgspec.json.decode(c.body.person)["email"] for c in batch.changes]


def hold(redis: Redis, batch_id: str, now: int = NOW) -> batches.Batch:
    batch = batches.reclaim(redis, batch_id, now, LEASE)
    assert batch is not None
    return batch


def letter_of(letter: dead_letters.DeadLetter) -> str:
    """The address in a dead letter."""
    return str(msgspec.json.decode(letter.change.body.person)["email"])
