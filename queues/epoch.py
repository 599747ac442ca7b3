"""The epoch of the ledger: a random value written once. When it is gone, so is everything that was accepted."""

from __future__ import annotations

import uuid
from typing import cast

from redis import Redis

from queues import keys

#: How long it stays known that the ledger was emptied (ms, 7 days).
KNOWN_MS = 7 * 86_400_000


class Watch:
    """What one process remembers of the epoch, from its first look on."""

    def __init__(self) -> None:
        self._epoch: bytes | None = None

    def emptied(self, redis: Redis, now: int) -> bool:
        """Whether the ledger was emptied since the last look; if so, that is written down (`now`: ms), and a new epoch.

        A process that was not running then cannot know: to it, it is a ledger like any new one.
        """
        # Only read as a rule: a full Redis refuses SET, and has to be drained.
        found = cast("bytes | None", redis.get(keys.EPOCH)) or _begin(redis)
        before, self._epoch = self._epoch, found
        if before is None or before == found:
            return False
        redis.set(keys.EMPTIED, now, px=KNOWN_MS)
        return True


def _begin(redis: Redis) -> bytes | None:
    redis.set(keys.EPOCH, uuid.uuid4().hex, nx=True)  # Another scheduler may have been faster.
    return cast("bytes | None", redis.get(keys.EPOCH))
