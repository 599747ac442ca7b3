"""Wrong tokens and sign-ins of the last minute or hour, counted in Redis for all web processes together."""

from __future__ import annotations

import hashlib
from typing import Final

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis import Redis

from queues import keys

#: Wrong tokens of a peer that are counted; and sign-ins of a user, each of which is a line of the audit.
_OF_PEER: Final = RateLimitItemPerMinute(30, namespace="wrong")
_OF_USER: Final = RateLimitItemPerMinute(60, namespace="sign-ins")
#: Of refusals that are written into the audit: guesses without end must not push out what people did.
_NOTED: Final = RateLimitItemPerHour(6, namespace="refusals")
_EVERYBODY: Final = "all"


class SignInCounts:
    """Every call may raise redis.RedisError.

    Its keys, of the `limits` library: `ferry:throttle:<what>/<digest of the name>/<amount>/1/<minute|hour>`.
    """

    def __init__(self, redis: Redis) -> None:
        storage = RedisStorage("redis://", connection_pool=redis.connection_pool, key_prefix=keys.THROTTLE)
        self._limiter = MovingWindowRateLimiter(storage)

    def wrong_tokens(self, peer: str) -> int:
        """How many a peer has shown within a minute; no more than 30 are counted."""
        return _OF_PEER.amount - self._limiter.get_window_stats(_OF_PEER, _unnamed(peer)).remaining

    def wrong(self, peer: str) -> None:
        """Count a token that nobody has."""
        self._hit(_OF_PEER, _unnamed(peer))

    def signed_in(self, user: str) -> bool:
        """Count a sign-in; whether it is written into the audit, which signing in without end must not fill."""
        return self._hit(_OF_USER, _unnamed(user))

    def is_noted(self) -> bool:
        """Whether one more refusal is to be written into the audit."""
        return self._hit(_NOTED, _EVERYBODY)

    def _hit(self, limit: RateLimitItem, name: str) -> bool:
        return bool(self._limiter.hit(limit, name))


def _unnamed(name: str) -> str:
    # An address is somebody's, and the name of a key is no place for it; it may also hold what the library splits at.
    return hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
