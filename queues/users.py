"""The users who may view the queues over HTTP and act on them. Only the SHA-256 of a token is stored.

A slow digest is not needed: a token from `new_token` has 256 random bits, which cannot be guessed at any speed.
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
from redis.exceptions import WatchError

from queues import keys

#: The user of FERRY_ADMIN_TOKEN, who always exists and is not in the hash.
ADMIN: Final = "admin"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_encode: Final = msgspec.json.Encoder().encode


class Role(IntEnum):
    """The rights of a user; each role includes those before it.

    viewer: see queues, counts and reasons, but no personal data. operator: flush, hold, release, replay, and read the
    audit log. admin: see personal data, and delete.
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
    """A user. `hash`: of the token, see `digest`. `since`: ms when the user was added, 0 for FERRY_ADMIN_TOKEN."""

    name: str
    role: Role
    hash: str
    since: int

    def __repr__(self) -> str:
        return f"User({self.name}, {self.role})"


_decode: Final = msgspec.json.Decoder(_Stored).decode


def new_token() -> str:
    """Return a token of 256 random bits; its prefix identifies it to people and secret scanners."""
    return f"ferry_{secrets.token_urlsafe(32)}"


def digest(token: str) -> str:
    """Return the stored form of a token: SHA-256, hexadecimal."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def is_name(text: str) -> bool:
    """Return whether a user name is valid: 1 to 40 of a-z 0-9 . _ -, which keeps e-mail addresses out of the audit."""
    return _NAME.fullmatch(text) is not None and text != ADMIN


def add(redis: Redis, user: User) -> bool:
    """Add a user; return False, with no change, if the name exists. Raises ValueError for an invalid name or role."""
    if not is_name(user.name) or user.role is Role.NOBODY:
        raise ValueError(f"{user.name!r} cannot be the name of a {user.role}")
    return bool(redis.hsetnx(keys.USERS, user.name, _encode(_Stored(str(user.role), user.hash, user.since))))


def change_role(redis: Redis, name: str, role: Role) -> bool:
    """Change the role of a user, whose token and sessions stay; return False if there is no such user.

    Raises ValueError for an invalid role. A user who is removed at the same moment stays removed.
    """
    if role is Role.NOBODY:
        raise ValueError(f"{role} is no role of a user")
    with redis.pipeline(transaction=True) as pipe:
        while True:
            try:
                pipe.watch(keys.USERS)  # type: ignore[no-untyped-call] # redis-py gives it no types
                stored = cast("bytes | None", pipe.hget(keys.USERS, name))
                if stored is None:
                    return False
                pipe.multi()
                pipe.hset(keys.USERS, name, _encode(msgspec.structs.replace(_decode(stored), role=str(role))))
                pipe.execute()
            except WatchError:
                continue
            return True


def remove(redis: Redis, name: str) -> bool:
    """Remove a user and so end the user's sessions; return False if there was none."""
    return bool(redis.hdel(keys.USERS, name))


def everyone(redis: Redis) -> dict[str, User]:
    """Return every added user by name."""
    stored = cast("dict[bytes, bytes]", redis.hgetall(keys.USERS))
    return {name.decode(): _user(name.decode(), _decode(value)) for name, value in sorted(stored.items())}


def sign_out(redis: Redis, session: str, seconds: int) -> None:
    """End a session of the console by its id. `seconds`: remaining lifetime of its cookie."""
    redis.set(keys.signed_out(session), 1, ex=seconds)


def is_signed_out(redis: Redis, session: str) -> bool:
    """Return whether a session was ended by its user."""
    return bool(redis.exists(keys.signed_out(session)))


def find(token: str, known: Iterable[User]) -> User | None:
    """Return the user of a token. It is compared with all tokens, so that the time taken reveals nothing."""
    shown = digest(token)
    matches = [user for user in known if hmac.compare_digest(shown, user.hash)]
    return matches[0] if matches else None


def _user(name: str, stored: _Stored) -> User:
    return User(name, Role[stored.role.upper()], stored.hash, stored.since)
