"""How long a try with a token has to wait: the longer, the more wrong ones came from its peer of late.

Nobody is shut out. Wrong tokens make the next try of the same peer wait, and of nobody else: a limit for all together
would let anybody keep the admin out, and refusing the peer would do so behind an address that many share.
"""

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
#: Tries without a wait; seconds of the first wait, which doubles with each wrong try; and of the longest.
FREE: Final = 5
FIRST_S: Final = 0.25
LONGEST_S: Final = 2.0


class Throttle:
    """Counts in Redis, for all web processes together. Every call may raise redis.RedisError.

    Its keys, of the `limits` library: `ferry:throttle:<what>/<digest of the name>/<amount>/1/<minute|hour>`.
    """

    def __init__(self, redis: Redis) -> None:
        storage = RedisStorage("redis://", connection_pool=redis.connection_pool, key_prefix=keys.THROTTLE)
        self._limiter = MovingWindowRateLimiter(storage)

    def wait_s(self, peer: str) -> float:
        """Seconds that the next try of a peer waits before its token is looked at."""
        return wait_s(_OF_PEER.amount - self._limiter.get_window_stats(_OF_PEER, _unnamed(peer)).remaining)

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


def wait_s(wrong: int) -> float:
    """Seconds to wait after so many wrong tokens within a minute. Pure."""
    return 0.0 if wrong < FREE else min(FIRST_S * 2 ** (wrong - FREE), LONGEST_S)


def _unnamed(name: str) -> str:
    # An address is somebody's, and the name of a key is no place for it; it may also hold what the library splits at.
    return hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
