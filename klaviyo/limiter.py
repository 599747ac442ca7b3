"""What the client needs of whoever counts its requests (queues/klaviyo_limits.py), and a name for an account."""

from __future__ import annotations

import hashlib
from typing import Protocol


class Limiter(Protocol):
    """What the client needs of a limiter."""

    def acquire(self, endpoint: str) -> float:
        """0.0 and a slot is taken, or the seconds until one may be free."""
        ...

    def pause(self, endpoint: str, seconds: float) -> None:
        """Refuse everybody's slots for `seconds`."""
        ...


def fingerprint(api_key: str) -> str:
    """A name for the account that can stand in a Redis key: 16 hex digits that do not give the key away."""
    return hashlib.blake2b(api_key.encode(), digest_size=8).hexdigest()
