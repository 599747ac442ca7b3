"""One-time links for signing in to the console. Only the digest of a link's token is stored, for a minute."""

from __future__ import annotations

from typing import Final, cast

from redis import Redis

from queues import keys, users

#: Seconds for which a link is valid.
LASTS_S: Final = 60


def make(redis: Redis, user: str) -> str:
    """Return the token of a new link for a user."""
    token = users.new_token()
    redis.set(keys.sign_in_link(users.digest(token)), user, ex=LASTS_S)
    return token


def use_up(redis: Redis, token: str) -> str | None:
    """Return the user of a link and end it; None for a link that was used, has expired or never existed."""
    found = cast("bytes | None", redis.getdel(keys.sign_in_link(users.digest(token))))
    return None if found is None else found.decode()
