"""Who may look at the queues over HTTP and act on them. Of a token its SHA-256 is kept, and nothing else.

A plain digest and no slow one: a token that `new_token` makes has 256 random bits, which nobody guesses at any speed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from enum import IntEnum
from typing import Final, cast

import msgspec
from redis import Redis

from queues import keys

#: The user of FERRY_ADMIN_TOKEN, who is always there and stands in no hash.
ADMIN: Final = "admin"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


class Role(IntEnum):
    """What somebody may do; each role may do what those before it may.

    viewer: see queues, counts and reasons, nothing of persons. operator: flush, hold, release, replay, and read who did
    so. admin: see persons, and delete.
    """

    NOBODY = 0
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    def __str__(self) -> str:
        return self.name.lower()


class _Stored(msgspec.Struct, frozen=True):
    role: str
    hash: str
    since: int


class User(msgspec.Struct, frozen=True):
    """`hash`: of the token, see `digest`. `since`: ms at which the user was added, 0 for the one of the environment."""

    name: str
    role: Role
    hash: str
    since: int

    def __repr__(self) -> str:
        return f"User({self.name}, {self.role})"


_decode: Final = msgspec.json.Decoder(_Stored).decode
_encode: Final = msgspec.json.Encoder().encode


def new_token() -> str:
    """A token of 256 random bits; its beginning tells people and secret scanners what it is."""
    return f"ferry_{secrets.token_urlsafe(32)}"


def digest(token: str) -> str:
    """What is kept of a token: SHA-256, hexadecimal."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def is_name(text: str) -> bool:
    """Whether a user may be called so: 1 to 40 of a-z 0-9 . _ -, so that no e-mail address gets into the audit."""
    return _NAME.fullmatch(text) is not None and text != ADMIN


def add(redis: Redis, user: User) -> bool:
    """Add a user; False when there is one of that name, who stays. Raises ValueError for what is no name or role."""
    if not is_name(user.name) or user.role is Role.NOBODY:
        raise ValueError(f"{user.name!r} cannot be the name of a {user.role}")
    return bool(redis.hsetnx(keys.USERS, user.name, _encode(_Stored(str(user.role), user.hash, user.since))))


def remove(redis: Redis, name: str) -> bool:
    """Remove a user, whose sessions end with it; False when there was none."""
    return bool(redis.hdel(keys.USERS, name))


def everyone(redis: Redis) -> dict[str, User]:
    """Every user that was added, by name."""
    stored = cast("dict[bytes, bytes]", redis.hgetall(keys.USERS))
    return {name.decode(): _user(name.decode(), _decode(value)) for name, value in sorted(stored.items())}


def sign_out(redis: Redis, session: str, seconds: int) -> None:
    """End a session of the console by its id, for as long as its cookie could be shown again."""
    redis.set(keys.signed_out(session), 1, ex=seconds)


def is_signed_out(redis: Redis, session: str) -> bool:
    """Whether a session was ended by its user."""
    return bool(redis.exists(keys.signed_out(session)))


def find(token: str, known: Iterable[User]) -> User | None:
    """Whose token this is. Compared with everybody's, so that the time it takes does not tell which one was near."""
    shown = digest(token)
    matches = [user for user in known if hmac.compare_digest(shown, user.hash)]
    return matches[0] if matches else None


def _user(name: str, stored: _Stored) -> User:
    return User(name, Role[stored.role.upper()], stored.hash, stored.since)
