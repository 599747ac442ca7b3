"""Sessions: a cookie that only this installation can read and write. Pure; the caller supplies the time.

A cookie names the user and the token they signed in with (a part of its digest), so that a session ends with the user
or the token. It does not contain the role, which is looked up with each request.
"""

from __future__ import annotations

import secrets
from typing import Final

import msgspec
from cryptography.fernet import InvalidToken, MultiFernet

from queues.connections.accounts import fernet
from queues.users import User

COOKIE: Final = "ferry_session"
#: Seconds without a page view after which a session ends; age in seconds at which a page view renews its cookie.
LASTS: Final = 12 * 3600
RENEWED: Final = 3600
_MARK: Final = 16


class Session(msgspec.Struct, frozen=True):
    """A session. `id`: for signing out. `mark`: of the user's token. `csrf`: the token in the forms of this session."""

    id: str
    name: str
    mark: str
    csrf: str

    def is_of(self, user: User) -> bool:
        """Return whether this session belongs to the user with their current token."""
        return self.name == user.name and secrets.compare_digest(self.mark, user.hash[:_MARK])


_decode: Final = msgspec.json.Decoder(Session).decode
_encode: Final = msgspec.json.Encoder().encode


def begun(user: User) -> Session:
    """Return a new session."""
    return Session(secrets.token_hex(16), user.name, user.hash[:_MARK], secrets.token_urlsafe(24))


class Sessions:
    """Writes and reads cookies. The first of the secrets encrypts; all decrypt, so that a secret can be rotated."""

    def __init__(self, secret_keys: tuple[str, ...]) -> None:
        """Sessions are off without secrets: see `are_on`."""
        keys = [fernet(secret, b"ferry: sessions of the console") for secret in secret_keys]
        self._fernet = MultiFernet(keys) if keys else None

    @property
    def are_on(self) -> bool:
        """Whether the installation has a secret key."""
        return self._fernet is not None

    def cookie(self, session: Session, now: int) -> str:
        """Return the value of a session's cookie. `now`: seconds. Raises ValueError when sessions are off."""
        if self._fernet is None:
            raise ValueError("without FERRY_SECRET_KEY there are no sessions")
        return self._fernet.encrypt_at_time(_encode(session), now).decode()

    def read(self, cookie: str, now: int) -> tuple[Session, int] | None:
        """Return the session and its cookie's age in seconds; None for an ended session or an invalid cookie."""
        if self._fernet is None:
            return None
        try:
            session = _decode(self._fernet.decrypt_at_time(cookie.encode(), LASTS, now))
        except (InvalidToken, ValueError):
            return None
        return session, now - self._fernet.extract_timestamp(cookie.encode())
