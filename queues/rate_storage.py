"""The storage of the `limits` library around Ferry's own client, on one server, with Sentinels or on a cluster.

The library's storages make a client of their own for each limiter, which on a cluster takes a quarter of a second, and
know no TLS there. Only moving windows are used, and each has one key.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from limits.aio.storage import RedisStorage as LibraryAsyncStorage
from limits.storage import RedisStorage as LibraryStorage
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from queues import scripts


class RateStorage(LibraryStorage):
    """Moving windows. Raises redis.RedisError while Redis cannot be used. `prefix`: of the keys."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        super().__init__("redis://", key_prefix=prefix)

    def initialize_storage(self, _uri: str) -> None:
        """Put Ferry's client in place of the library's, which has not connected yet."""
        self.storage = self._redis
        self.lua_moving_window = self._script(self.SCRIPT_MOVING_WINDOW)
        self.lua_acquire_moving_window = self._script(self.SCRIPT_ACQUIRE_MOVING_WINDOW)

    def _script(self, source: bytes) -> Any:
        return partial(scripts.run_text, self._redis, source.decode(), scripts.sha_of(source.decode()))


class AsyncRateStorage(LibraryAsyncStorage):
    """Moving windows for asyncio. Raises redis.RedisError and OSError while Redis cannot be used."""

    def __init__(self, redis: AsyncRedis, prefix: str) -> None:
        self._redis = redis
        super().__init__("redis://", implementation="redispy", key_prefix=prefix)
        bridge: Any = self.bridge
        bridge.lua_moving_window = self._script(bridge.SCRIPT_MOVING_WINDOW)
        bridge.lua_acquire_moving_window = self._script(bridge.SCRIPT_ACQUIRE_MOVING_WINDOW)

    def configure_bridge(self) -> None:
        """Put Ferry's client in place of the library's."""
        bridge: Any = self.bridge
        bridge.storage, bridge.connection_getter = self._redis, lambda _: self._redis

    def _script(self, source: bytes) -> Any:
        return partial(scripts.run_text_async, self._redis, source.decode(), scripts.sha_of(source.decode()))
