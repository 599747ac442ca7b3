"""What must hold of the ledger at any time, and a model of what was accepted."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant
from redis import Redis

from queues import keys
from queues.batches import Batch
from queues.change import Action
from queues.names import Queue
from queues.policy import FlushPolicy
from tests.support.kept_figures import assert_kept, read_few

QUEUE = Queue("default", "audience", "40")
POLICY = FlushPolicy(size=5, age_ms=1_000_000, upload_max=5)
LEASE = 100


def use(patch: pytest.MonkeyPatch, redis: Redis) -> None:
    """Let machines work on this server; hypothesis makes them, and passes them nothing."""
    patch.setattr(LedgerInvariants, "server", redis, raising=False)
    read_few(patch, QUEUE)
    numbers = itertools.count()
    # Batches due at the same ms are rung in the order of their ids: random ones would make every run another one.
    patch.setattr("queues.pending.uuid.uuid4", lambda: uuid.UUID(int=next(numbers)))


@dataclass
class Model:
    """What is true outside Redis. `target`: what each person's last accepted change says."""

    now: int = 1_800_000_000_000
    accepted: int = 0
    messages: set[str] = field(default_factory=set)
    target: dict[str, Action] = field(default_factory=dict)
    klaviyo: dict[str, Action] = field(default_factory=dict)


def fragment(name: str) -> msgspec.Raw:
    """What a sender tells of the person of a change."""
    return msgspec.Raw(msgspec.json.encode({"email": address(name)}))


def address(name: str) -> str:
    """The person's e-mail."""
    return f"{name}@example.com"


def name_of(batch: Batch, index: int) -> str:
    """The person of a change."""
    return named(batch.changes[index].body.person)


def named(told: msgspec.Raw) -> str:
    """The person whom a fragment is about."""
    return str(msgspec.json.decode(told)["email"]).partition("@")[0]


class LedgerInvariants(RuleBasedStateMachine):
    """What is looked at after every step. `server`: see `use`."""

    server: Redis

    def __init__(self) -> None:
        super().__init__()
        self.redis = self.server
        self.redis.flushall()
        self.model = Model()

    def is_current(self, batch: Batch) -> bool:
        """Whether no other worker has got the batch meanwhile."""
        return self.redis.hget(keys.batch(batch.id), "token") == str(batch.token).encode()

    @invariant()
    def what_is_kept_equals_what_is_counted(self) -> None:
        """The totals of all queues, and the index of what is in trouble."""
        assert_kept(self.redis)

    @invariant()
    def nothing_is_lost_or_overtaken(self) -> None:
        """What the ledger holds of the queue, read at one moment."""
        names = ("accepted", "open", "delivered", "dead", "superseded")
        with self.redis.pipeline() as pipe:
            pipe.hmget(keys.queue(QUEUE), *names)
            pipe.lrange(keys.queue(QUEUE, "pending"), 0, -1)
            pipe.zrange(keys.queue(QUEUE, "batches"), 0, -1)
            pipe.smembers(keys.queue(QUEUE, "open"))
            figures, waiting, started, marked = pipe.execute()
        self._nothing_is_lost({name: int(n or 0) for name, n in zip(names, figures, strict=True)}, len(waiting))
        self._no_person_is_in_two_open_batches(started, marked)
        # Dead letters that were put back included.
        times = [change[1:14] for change in waiting]
        assert times == sorted(times), "a later change would be delivered before an earlier one"

    def _nothing_is_lost(self, count: dict[str, int], waiting: int) -> None:
        """accepted = pending + open + delivered + dead + superseded."""
        rest = waiting + count["open"] + count["delivered"] + count["dead"] + count["superseded"]
        assert count["accepted"] == self.model.accepted == rest

    def _no_person_is_in_two_open_batches(self, started: list[bytes], marked: set[bytes]) -> None:
        """And the queue knows who is in one."""
        with self.redis.pipeline(transaction=False) as pipe:
            for batch_id in started:
                pipe.lrange(keys.batch(batch_id.decode(), "changes"), 0, -1)
            people = [{change[14:30] for change in changes} for changes in pipe.execute()]
        open_keys = [key for batch in people for key in batch]
        assert len(open_keys) == len(set(open_keys)), "somebody is in two open batches"
        assert set(open_keys) == marked
