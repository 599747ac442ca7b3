"""Taking what is due, whatever else is due and must wait."""

from __future__ import annotations

from itertools import count, islice

import pytest
from redis import Redis

from configuration.connections import Connection, Connections
from queues import holds, keys, pending
from queues.acceptance import Acceptance, accept
from queues.holds import Hold
from queues.names import Queue
from queues.policy import FlushPolicy
from scheduler import tick
from tests.support.ledger import NOW, change

FREE = Queue("waits", "audience", "1")
CONNECTIONS = Connections({"default": Connection("default"), "waits": Connection("waits"), "held": Connection("held")})


def due(redis: Redis, *queues: Queue) -> None:
    for queue in queues:
        accept(redis, Acceptance(queue, FlushPolicy(), "", [change("a@example.com")]), NOW)
        pending.flush(redis, queue, NOW)


@pytest.mark.parametrize("each", [True, False], ids=["queue by queue", "with their connection"])
def test_any_number_of_held_queues_keeps_no_other_waiting(redis: Redis, each: bool) -> None:
    named = (Queue("held", "audience", str(n)) for n in count())
    held = list(islice((queue for queue in named if queue.partition == FREE.partition), 2 * tick.LOOKED_AT_ONCE))
    due(redis, *held, FREE)
    for on in held if each else ["held"]:
        holds.place(redis, on, Hold("by hand", NOW))
    assert tick.take_due(redis, CONNECTIONS, NOW) == 1
    assert redis.llen(keys.queue(FREE, "pending")) == 0
