"""A ledger and a Klaviyo account as they were at one moment, so that what led there need not be done again."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

from redis import Redis

from emulator.world import World


class Beginning:
    """What is there when this is made. Only between requests, and so is `again`."""

    def __init__(self, redis: Redis, world: World) -> None:
        self._redis, self._world = redis, world
        self._account: Final[dict[str, Any]] = deepcopy(_account(world))
        self._ledger: Final = {key: redis.dump(key) or b"" for key in redis.scan_iter("*", 1000)}

    def again(self) -> None:
        """That, and nothing else; what expired does not any more."""
        vars(self._world).update(deepcopy(self._account))
        self._redis.flushall()
        with self._redis.pipeline(transaction=False) as pipe:
            for key, value in self._ledger.items():
                pipe.restore(key, 0, value)
            pipe.execute()


def _account(world: World) -> dict[str, Any]:
    """All but the clock, which belongs to the test."""
    return {name: value for name, value in vars(world).items() if name != "now"}
