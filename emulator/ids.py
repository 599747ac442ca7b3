"""Identifiers in the shapes Klaviyo gives them today; clients must treat all of them as opaque text."""

from __future__ import annotations

import base64
import secrets
import string

_ALPHANUMERIC = string.ascii_letters + string.digits


def short_id() -> str:
    """Six characters, a capital first, as lists and accounts have."""
    return secrets.choice(string.ascii_uppercase) + "".join(secrets.choice(_ALPHANUMERIC) for _ in range(5))


def import_job_id(account_id: str, now: float) -> str:
    """58 characters: URL-safe base64, unpadded, of account, creation time (`now`, epoch seconds) and noise."""
    text = f"{account_id}_maintenance.{short_id()}.{int(now)}.{short_id()}"
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


class ProfileIds:
    """Makes 26-character, ULID-shaped ids that sort in the order they were made."""

    def __init__(self) -> None:
        self._second = 0
        self._count = secrets.randbits(48)

    def next(self, now: float) -> str:
        """The next id; `now` is in epoch seconds, and a clock that steps back does not break the order."""
        self._second = max(self._second, int(now))
        self._count += 1
        return f"01{self._second:08X}{self._count:016X}"


def suppression_job_id(now: float) -> str:
    """26 characters in the shape of a ULID; `now` is in epoch seconds."""
    return ProfileIds().next(now)
