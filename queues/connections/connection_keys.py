"""Klaviyo keys that Ferry keeps itself: of connections that were added while it runs.

A connection whose key comes from the environment or from its CDP is not in here.
"""

from __future__ import annotations

import logging
from typing import cast

import msgspec
from redis import Redis
from redis.client import Pipeline

from queues import keys
from queues.connections.accounts import Cipher
from queues.errors import NoSecretKey, SecretKeyChanged

log = logging.getLogger(__name__)


class StoredKey(msgspec.Struct, frozen=True):
    """`key`: encrypted. `since`: ms. `account`: Klaviyo's id of the account, None when the key may not tell it."""

    key: str
    since: int
    account: str | None = None

    def __repr__(self) -> str:
        return f"Kept(since {self.since}, account {self.account})"


_decode = msgspec.json.Decoder(StoredKey).decode
_encode = msgspec.json.Encoder().encode


def seal(cipher: Cipher, api_key: str, since: int, account: str | None) -> StoredKey:
    """A key as it is kept. Raises NoSecretKey."""
    return StoredKey(cipher.encrypt(api_key).decode(), since, account)


def add(redis: Redis, name: str, kept: StoredKey) -> bool:
    """Keep the key of a connection; False when there is one already, which stays."""
    return bool(redis.hsetnx(keys.CONNECTIONS, name, _encode(kept)))


def exchange(redis: Redis, name: str, kept: StoredKey) -> None:
    """Keep this key in place of the one before."""
    redis.hset(keys.CONNECTIONS, name, cast("str", _encode(kept)))


def drop(redis: Redis, name: str) -> bool:
    """Forget the key of a connection; False when none was kept."""
    return bool(redis.hdel(keys.CONNECTIONS, name))


def names(redis: Redis) -> list[str]:
    """The connections whose keys are kept."""
    return sorted(name.decode() for name in cast("list[bytes]", redis.hkeys(keys.CONNECTIONS)))


def find(redis: Redis, name: str) -> StoredKey | None:
    """What is kept of a connection."""
    value = cast("bytes | None", redis.hget(keys.CONNECTIONS, name))
    return _decode(value) if value else None


def key_of(redis: Redis, name: str, cipher: Cipher) -> str | None:
    """The key that is kept. Raises NoSecretKey, SecretKeyChanged."""
    found = find(redis, name)
    return cipher.decrypt(found.key.encode()) if found else None


def reseal(redis: Redis, cipher: Cipher) -> None:
    """Encrypt every key by the first secret: no CDP sends these again, so the old secret could never go.

    One that cannot be read stays as it is.
    """

    def renew(pipe: Pipeline) -> None:
        stored = cast("dict[bytes, bytes]", pipe.hgetall(keys.CONNECTIONS))
        pipe.multi()
        for name, value in stored.items():
            if renewed := _renewed(name, _decode(value), cipher):
                pipe.hset(keys.CONNECTIONS, cast("str", name), cast("str", _encode(renewed)))

    # Watched, for a key that somebody exchanges meanwhile must not come back.
    redis.transaction(renew, keys.CONNECTIONS)


def _renewed(name: bytes, kept: StoredKey, cipher: Cipher) -> StoredKey | None:
    try:
        return msgspec.structs.replace(kept, key=cipher.encrypt(cipher.decrypt(kept.key.encode())).decode())
    except (NoSecretKey, SecretKeyChanged) as fault:
        log.error("the key of connection %s cannot be read: %s", name.decode(), fault)  # noqa: TRY400  # the words say it
        return None
