"""Finds the pending changes that carry some person keys, by an index of a queue.

Events ask for the e-mails that their ids have in pending changes. The index is made when they ask, from the changes
that have arrived since it was last used: accepting a change costs nothing more, and each pending change is read once
and not for each batch of events. It is used for an hour. Replays, erasures and takings that pass over people move
changes, so they discard it. A change found by it is compared with the keys, so an index that is wrong finds too little
and never too much.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, cast

from redis import Redis

from queues import keys, scripts
from queues.change import Change, decode
from queues.clock import now_ms
from queues.names import Queue

#: Changes read, and keys looked up, by one call, so that it blocks Redis briefly.
_AT_ONCE: Final = 1_000
_KEYS_AT_ONCE: Final = 50
#: ms for which an index is used.
USED_MS: Final = 3_600_000


def find(redis: Redis, queue: Queue, persons: Collection[str]) -> list[Change] | None:
    """Return the pending changes that carry one of these person keys behind the key that names their person.

    Of changes with the same key the last ones, about forty. Returns None if Redis is short of memory or the queue was
    altered meanwhile: then the caller reads all changes. Raises redis.RedisError.
    """
    names = [keys.queue(queue), keys.queue(queue, "pending")]
    while (left := scripts.run(redis, "index", names, [now_ms(), _AT_ONCE, USED_MS])) > 0:
        pass
    if left < 0:
        return None
    found: dict[bytes, None] = {}
    asked = sorted(persons)
    for start in range(0, len(asked), _KEYS_AT_ONCE):
        some = scripts.run(redis, "seek", names, asked[start : start + _KEYS_AT_ONCE])
        if some is None:
            return None
        found |= dict.fromkeys(cast("list[bytes]", some))
    return [decode(stored) for stored in found]
