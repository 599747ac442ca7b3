"""Sessions: a cookie that only this installation can read and write. Pure, but for the clock of its caller.

A cookie says who signed in and with which token (a part of its digest), so that a session ends with the user, or with
the token. The role is no part of it: it is looked up with each request.
"""

from __future__ import annotations

import secrets
from typing import Final

import msgspec
from cryptography.fernet import InvalidToken, MultiFernet

from queues.connections.accounts import fernet
from queues.users import User

COOKIE: Final = "ferry_session"
#: Seconds without a page looked at after which a session ends, and after which its cookie is made anew.
LASTS: Final = 12 * 3600
RENEWED: Final = 3600
_MARK: Final = 16


class Session(msgspec.Struct, frozen=True):
    """`id`: by which it is signed out. `mark`: of the user's token. `csrf`: what forms of this session bring along."""

    id: str
    name: str
    mark: str
    csrf: str

    def is_of(self, user: User) -> bool:
        """Whether this is a session of the user as he is now, with the token of now."""
        return self.name == user.name and secrets.compare_digest(self.mark, user.hash[:_MARK])


_decode: Final = msgspec.json.Decoder(Session).decode
_encode: Final = msgspec.json.Encoder().encode


def begun(user: User) -> Session:
    """A new session."""
    return Session(secrets.token_hex(16), user.name, user.hash[:_MARK], secrets.token_urlsafe(24))


class Sessions:
    """Writes and reads cookies. The first of the secrets encrypts; all decrypt, so that a secret can be exchanged."""

    def __init__(self, secret_keys: tuple[str, ...]) -> None:
        """Without secrets there are no sessions: see `are_on`."""
        keys = [fernet(secret, b"ferry: sessions of the console") for secret in secret_keys]
        self._fernet = MultiFernet(keys) if keys else None

    @property
    def are_on(self) -> bool:
        """Whether the installation has a secret key."""
        return self._fernet is not None

    def cookie(self, session: Session, now: int) -> str:
        """Its cookie's value; `now`: seconds. Raises ValueError when sessions are off."""
        if self._fernet is None:
            raise ValueError("without FERRY_SECRET_KEY there are no sessions")
        return self._fernet.encrypt_at_time(_encode(session), now).decode()

    def read(self, cookie: str, now: int) -> tuple[Session, int] | None:
        """The session and the age of its cookie in seconds; None for one that has ended or that is none."""
        if self._fernet is None:
            return None
        try:
            session = _decode(self._fernet.decrypt_at_time(cookie.encode(), LASTS, now))
        except (InvalidToken, ValueError):
            return None
        return session, now - self._fernet.extract_timestamp(cookie.encode())
