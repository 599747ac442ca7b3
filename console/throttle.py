"""How often somebody may try a token."""

from __future__ import annotations

import hashlib
from typing import Final

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis import Redis

from queues import keys

PREFIX: Final = f"{keys.ROOT}throttle"
_OF_ONE: Final = RateLimitItemPerMinute(5, namespace="sign-in")
_OF_ALL: Final = RateLimitItemPerMinute(20, namespace="sign-in")
_OF_BEARER: Final = RateLimitItemPerMinute(5, namespace="bearer")
#: Of refusals that are written into the audit: guesses without end must not push out what people did.
_NOTED: Final = RateLimitItemPerHour(6, namespace="refusals")
_EVERYBODY: Final = "all"


class Throttle:
    """Counts in Redis, for all web processes together. Every call may raise redis.RedisError.

    Its keys, of the `limits` library: `ferry:throttle:<what>/<digest of the address>/<amount>/1/<minute|hour>`.
    """

    def __init__(self, redis: Redis) -> None:
        storage = RedisStorage("redis://", connection_pool=redis.connection_pool, key_prefix=PREFIX)
        self._limiter = MovingWindowRateLimiter(storage)

    def lets_sign_in(self, address: str) -> bool:
        """Count one try at the sign-in page; whether it may be looked at.

        Counted before the token is looked at, so that many at once are no way around it. The limit for all together
        holds where an address can be made up.
        """
        return self._hit(_OF_ONE, _unnamed(address)) and self._hit(_OF_ALL, _EVERYBODY)

    def signed_in(self, address: str) -> None:
        """The token was right: nothing that was counted stands against the next."""
        self._limiter.clear(_OF_ONE, _unnamed(address))
        self._limiter.clear(_OF_ALL, _EVERYBODY)

    def lets_bearer(self, address: str) -> bool:
        """Whether a bearer token of this address may be looked at.

        There is no limit for all together here: with it, anybody's wrong tokens would shut out every program.
        """
        return self._limiter.test(_OF_BEARER, _unnamed(address))

    def wrong_bearer(self, address: str) -> None:
        """Count a bearer token that nobody has."""
        self._hit(_OF_BEARER, _unnamed(address))

    def is_noted(self) -> bool:
        """Whether one more refusal is to be written into the audit."""
        return self._hit(_NOTED, _EVERYBODY)

    def _hit(self, limit: RateLimitItem, name: str) -> bool:
        return bool(self._limiter.hit(limit, name))


def _unnamed(address: str) -> str:
    # An address is somebody's, and the name of a key is no place for it; it may also hold what the library splits at.
    return hashlib.blake2b(address.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
