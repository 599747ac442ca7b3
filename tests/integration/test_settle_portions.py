"""However many dead letters a batch ends with, no script call holds Redis for long."""

from __future__ import annotations

import re
from typing import Any, cast

import msgspec
from redis import Redis

from queues import batches, dead_letters, keys
from queues.acceptance import Acceptance, accept
from queues.batches import Batch
from queues.change import Body, encode, person_key
from queues.policy import FlushPolicy
from queues.settlement import LETTERS, RELEASED, Settlement, Undeliverable
from tests.support.ledger import NOW, QUEUE, hold, on_every_server, take_due

pytestmark = on_every_server

MANY = 10_000
POLICY = FlushPolicy(size=MANY, upload_max=MANY)
#: Person keys of each change.
KEYS = 3


def taken(redis: Redis) -> Batch:
    """A batch of ten thousand people."""
    changes = [
        encode(
            tuple(person_key(kind, str(number)) for kind in ("email", "mpid", "phone")),
            NOW,
            Body("add", NOW, "changes", "m", msgspec.Raw(b'{"email":"p%d@example.com"}' % number)),
        )
        for number in range(MANY)
    ]
    accept(redis, Acceptance(QUEUE, POLICY, "", changes), NOW)
    (batch_id,) = take_due(redis, NOW, POLICY)
    return hold(redis, batch_id)


def sizes(redis: Redis, batch: Batch, end: Settlement) -> list[int]:
    """The number of arguments of each script call with which a batch is settled."""
    redis.config_set("slowlog-log-slower-than", 0)
    redis.config_set("slowlog-max-len", 10_000)
    redis.slowlog_reset()
    try:
        batches.settle(redis, batch, end, NOW)
    finally:
        redis.config_set("slowlog-log-slower-than", 10_000)
    entries: list[Any] = redis.slowlog_get(10_000)
    return [_arguments(command) for entry in entries if (command := bytes(entry["command"])).startswith(b"EVALSHA")]


def _arguments(command: bytes) -> int:
    """How many a logged command had; the log keeps 31 and says how many it left out."""
    left_out = re.search(rb"\.\.\. \((\d+) more arguments\)", command)
    return 31 + int(left_out[1]) if left_out else 31


def figures(redis: Redis) -> dict[str, int]:
    found = cast("dict[bytes, bytes]", redis.hgetall(keys.queue(QUEUE)))
    return {name: int(found.get(name.encode(), 0)) for name in ("open", "delivered", "superseded", "dead", "unsent")}


def test_ten_thousand_dead_letters_are_written_in_portions(redis: Redis) -> None:
    batch = taken(redis)
    end = Settlement(dead=[Undeliverable(index, "no_email", {"field": "email"}) for index in range(MANY)])
    # A dead letter has three arguments, a released change its keys; beside them a call has some twenty.
    assert max(sizes(redis, batch, end)) < max(3 * LETTERS, KEYS * RELEASED) + 50
    assert figures(redis) == {"open": 0, "delivered": 0, "superseded": 0, "dead": MANY, "unsent": 0}
    found = [letter.change for letter in dead_letters.read(redis, QUEUE)]
    assert found == batch.changes
    assert not redis.exists(keys.queue(QUEUE, "open"), keys.batch(batch.id), keys.batch(batch.id, "changes"))


def test_ten_thousand_older_letters_are_superseded_in_portions(redis: Redis) -> None:
    first = taken(redis)
    batches.settle(redis, first, Settlement(dead=[Undeliverable(index, "gave_up", {}) for index in range(MANY)]), NOW)
    second = taken(redis)
    end = Settlement(moved=list(range(MANY)), history=b"outcomes")
    assert max(sizes(redis, second, end)) < KEYS * RELEASED + 50
    assert figures(redis) == {"open": 0, "delivered": MANY, "superseded": MANY, "dead": 0, "unsent": 0}
    assert redis.xlen(keys.queue(QUEUE, "dead")) == redis.exists(keys.queue(QUEUE, "buried")) == 0
    assert redis.hget(keys.queue(QUEUE), "remembered") == str(MANY).encode()
