"""What an intake has stored."""

from __future__ import annotations

import json
from typing import Any, cast

from redis import Redis

from queues import keys
from queues.change import decode
from queues.names import Queue
from tests.support.posted import QUEUE


def stored(redis: Redis, queue: Queue = QUEUE) -> list[dict[str, Any]]:
    """The people of a queue's changes, each with its action."""
    changes = [decode(cast("bytes", each)) for each in redis.lrange(keys.queue(queue, "pending"), 0, -1)]
    return [json.loads(bytes(change.body.person)) | {"action": change.body.action} for change in changes]
