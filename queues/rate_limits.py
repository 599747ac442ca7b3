"""Rates that all processes share through Redis: above all one request budget per Klaviyo account and endpoint.

Klaviyo counts in fixed windows of a second, a minute and, for lists, a day, and does not publish their phase. A moving
window never lets more than the quota through in any window of that length, so also in none of Klaviyo's, and still
allows all of it. A fixed window would let twice the quota through around a boundary; a sliding counter only estimates
and wastes part of the quota.

The storages are those of the `limits` library around Ferry's own client, on one server, with Sentinels or on a cluster.
The library's make a client of their own for each limiter, which on a cluster takes a quarter of a second, and know no
TLS there. Only moving windows are used, and each has one key.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, cast

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage as LibraryAsyncStorage
from limits.storage import RedisStorage as LibraryStorage
from limits.strategies import MovingWindowRateLimiter
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

from queues import keys, scripts

#: The part of each quota that is left to the customer's other tools.
SHARE = 0.10
#: The shortest wait reported for a refused slot, because zero means that the slot is taken.
SHORTEST_WAIT_S = 0.01


class RequestQuota(Protocol):
    """Requests an account may make of an endpoint: `burst` a second, `steady` a minute, `daily` a day (None: any)."""

    @property
    def burst(self) -> int:
        """Requests in any second."""
        ...

    @property
    def steady(self) -> int:
        """Requests in any minute."""
        ...

    @property
    def daily(self) -> int | None:
        """Requests in any day; None: no limit."""
        ...

    def less(self, share: float) -> RequestQuota:
        """Return this quota without the `share` (0 to below 1) left to other tools."""
        ...


@dataclass(frozen=True, slots=True)
class EndpointUse:
    """An account's requests to an endpoint within the last minute or day (`per`).

    `allowed`: requests that Ferry may make. `paused_ms`: ms until the next request may be sent, 0 if not paused.
    """

    endpoint: str
    per: str
    used: int
    allowed: int
    paused_ms: int = 0


def fingerprint(api_key: str) -> str:
    """Return a name of the account for Redis keys: 16 hex digits that do not reveal the API key."""
    return hashlib.blake2b(api_key.encode(), digest_size=8).hexdigest()


class RedisLimiter:
    """The limiter of one account.

    Its keys are `ferry:limits:pause:<account>:<endpoint>` and, from the `limits` library,
    `ferry:limits:window/<account>/<endpoint>/<amount>/1/<second|minute|day>`.

    Every process must use the same `share`, because the amount is part of the key. If the clocks of machines differ by
    d seconds, the window shrinks by d; `share` has room for that. Raises redis.RedisError when Redis cannot be reached,
    and then nothing may be sent: an unlimited worker would throttle the customer's other tools, and without Redis no
    batch could be settled anyway.
    """

    def __init__(self, redis: Redis, account: str, quotas: Mapping[str, RequestQuota], share: float = SHARE) -> None:
        """Create the limiter. `account`: fingerprint of its key. `quotas`: by endpoint, as Klaviyo publishes them.

        `share`: the part of each quota left to other tools, 0 to below 1. Raises ValueError for another share.
        """
        if not 0 <= share < 1:
            raise ValueError(f"The share left to other tools is {share}; give 0 or more and less than 1.")
        self._redis = redis
        self._account = account
        self._windows = {name: _windows(quota.less(share)) for name, quota in quotas.items()}
        self._storage = RateStorage(redis, keys.LIMITS)
        self._limiter = MovingWindowRateLimiter(self._storage)

    def acquire(self, endpoint: str) -> float:
        """Take one slot of each window and return 0.0, or return the seconds until a slot may be free. Never sleeps."""
        # Shortest window first: if a longer one refuses, the slot used in the shorter one is free again soonest. So
        # that of a second may be taken in a pause, too, which saves a round trip: nobody may use it then.
        shortest, *longer = self._windows[endpoint]
        key = shortest.key_for(self._account, endpoint)
        paused_ms, is_free = self._storage.acquire_unless(self._pause_key(endpoint), key, shortest)
        if paused_ms > 0:
            return max(paused_ms / 1000, SHORTEST_WAIT_S)
        if not is_free:
            return self._wait(shortest, endpoint)
        for window in longer:
            if not self._limiter.hit(window, self._account, endpoint):
                return self._wait(window, endpoint)
        return 0.0

    def _wait(self, window: RateLimitItem, endpoint: str) -> float:
        reset = self._limiter.get_window_stats(window, self._account, endpoint).reset_time
        return max(reset - time.time(), SHORTEST_WAIT_S)

    def pause(self, endpoint: str, seconds: float) -> None:
        """Stop all workers' calls of `endpoint` for `seconds`, as Retry-After asks, or longer."""
        milliseconds = math.ceil(seconds * 1000)
        key = self._pause_key(endpoint)
        # If two workers write at once, the shorter pause may remain, which costs one more 429.
        if milliseconds > max(0, int(self._redis.pttl(key))):
            self._redis.set(key, 1, px=milliseconds)

    def uses(self) -> list[EndpointUse]:
        """Return the use of the minute and day windows, and pauses, of endpoints that have either. Takes no slot.

        One round trip, and one more for each window in use. Raises redis.RedisError.
        """
        windows = [(name, window) for name, windows in self._windows.items() for window in windows[1:]]
        with self._redis.pipeline(transaction=False) as pipe:
            for name, window in windows:
                pipe.exists(self._storage.prefixed_key(window.key_for(self._account, name)))
                pipe.pttl(self._pause_key(name))
            answers = cast("list[int]", pipe.execute())
        seen = zip(windows, answers[::2], answers[1::2], strict=True)
        found = [self._use(name, window, max(0, paused)) for (name, window), used, paused in seen if used or paused > 0]
        return [use for use in found if use.used or use.paused_ms]

    def _use(self, endpoint: str, window: RateLimitItem, paused_ms: int) -> EndpointUse:
        left = self._limiter.get_window_stats(window, self._account, endpoint).remaining
        return EndpointUse(endpoint, window.GRANULARITY.name, window.amount - left, window.amount, paused_ms)

    def _pause_key(self, endpoint: str) -> str:
        return f"{keys.LIMITS}:pause:{self._account}:{endpoint}"


def _windows(quota: RequestQuota) -> tuple[RateLimitItem, ...]:
    """Return the windows of one endpoint, shortest first."""
    windows: list[RateLimitItem] = [
        RateLimitItemPerSecond(quota.burst, namespace="window"),
        RateLimitItemPerMinute(quota.steady, namespace="window"),
    ]
    if quota.daily is not None:
        windows.append(RateLimitItemPerDay(quota.daily, namespace="window"))
    return tuple(windows)


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

    def acquire_unless(self, pause: str, key: str, window: RateLimitItem) -> tuple[int, bool]:
        """Take a slot; return the ms that `pause`, a key, still lasts (below 1: none), and whether a slot was free."""
        args = [time.time(), window.amount, window.get_expiry(), 1]
        source = self.SCRIPT_ACQUIRE_MOVING_WINDOW.decode()
        free, (paused,) = scripts.run_beside(
            self._redis, source, [self.prefixed_key(key)], args, lambda pipe: pipe.pttl(pause)
        )
        if isinstance(paused, RedisError):
            raise paused
        return int(paused), bool(free)

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
