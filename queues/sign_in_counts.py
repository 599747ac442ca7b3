"""Counts wrong tokens and sign-ins of the last minute or hour in Redis, for all web processes together."""

from __future__ import annotations

import hashlib
from typing import Final

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.strategies import MovingWindowRateLimiter
from redis import Redis

from queues import keys
from queues.rate_limits import RateStorage

#: Wrong tokens counted per peer, and sign-ins per user, each of which is an entry of the audit log.
_OF_PEER: Final = RateLimitItemPerMinute(30, namespace="wrong")
_OF_USER: Final = RateLimitItemPerMinute(60, namespace="sign-ins")
#: Refusals written to the audit log: endless guesses must not displace the actions of users.
_NOTED: Final = RateLimitItemPerHour(6, namespace="refusals")
_EVERYBODY: Final = "all"


class SignInCounts:
    """The counts. Every method may raise redis.RedisError.

    Its keys, of the `limits` library: `ferry:throttle:<what>/<digest of the name>/<amount>/1/<minute|hour>`.
    """

    def __init__(self, redis: Redis) -> None:
        self._limiter = MovingWindowRateLimiter(RateStorage(redis, keys.THROTTLE))

    def wrong_tokens(self, peer: str) -> int:
        """Return how many wrong tokens a peer has sent within a minute; at most 30 are counted."""
        return _OF_PEER.amount - self._limiter.get_window_stats(_OF_PEER, _unnamed(peer)).remaining

    def wrong(self, peer: str) -> None:
        """Count a wrong token."""
        self._hit(_OF_PEER, _unnamed(peer))

    def signed_in(self, user: str) -> bool:
        """Count a sign-in; return whether to write it to the audit log, which repeated sign-ins must not fill."""
        return self._hit(_OF_USER, _unnamed(user))

    def is_noted(self) -> bool:
        """Count a refusal; return whether to write it to the audit log."""
        return self._hit(_NOTED, _EVERYBODY)

    def _hit(self, limit: RateLimitItem, name: str) -> bool:
        return bool(self._limiter.hit(limit, name))


def _unnamed(name: str) -> str:
    # An address is personal data and must not be in a key; it may also contain the library's separator.
    return hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
