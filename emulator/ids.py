"""Makes ids in Klaviyo's current formats; clients must treat all of them as opaque text."""

from __future__ import annotations

import base64
import secrets
import string

_ALPHANUMERIC = string.ascii_letters + string.digits


def short_id() -> str:
    """Return six characters, the first a capital, as for lists and accounts."""
    return secrets.choice(string.ascii_uppercase) + "".join(secrets.choice(_ALPHANUMERIC) for _ in range(5))


def import_job_id(account_id: str, now: float) -> str:
    """Return 58 characters: unpadded URL-safe base64 of account, creation time (`now`, epoch seconds), random text."""
    text = f"{account_id}_maintenance.{short_id()}.{int(now)}.{short_id()}"
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


class ProfileIds:
    """Makes ids of 26 characters in the format of a ULID, which sort in the order of their creation."""

    def __init__(self) -> None:
        self._second = 0
        self._count = secrets.randbits(48)

    def next(self, now: float) -> str:
        """Return the next id; `now` is in epoch seconds. The order holds even if the clock goes back."""
        self._second = max(self._second, int(now))
        self._count += 1
        return f"01{self._second:08X}{self._count:016X}"


def event_id() -> str:
    """Return eleven characters."""
    return secrets.token_urlsafe(8)


def suppression_job_id(now: float) -> str:
    """Return 26 characters in the format of a ULID; `now` is in epoch seconds."""
    return ProfileIds().next(now)
