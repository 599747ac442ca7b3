"""The Klaviyo keys that Ferry stores itself, for connections that were added while it runs.

Keys from the environment or from a CDP are not stored here.
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
_encode = msgspec.json.Encoder().encode


class StoredKey(msgspec.Struct, frozen=True):
    """A stored key. `key`: encrypted. `since`: ms. `account`: Klaviyo's id, None when the key may not read it."""

    key: str
    since: int
    account: str | None = None

    def __repr__(self) -> str:
        return f"Kept(since {self.since}, account {self.account})"


_decode = msgspec.json.Decoder(StoredKey).decode


def seal(cipher: Cipher, api_key: str, since: int, account: str | None) -> StoredKey:
    """Return the stored form of a key. Raises NoSecretKey."""
    return StoredKey(cipher.encrypt(api_key).decode(), since, account)


def add(redis: Redis, name: str, kept: StoredKey) -> bool:
    """Store the key of a connection; return False if it already has one, which stays."""
    return bool(redis.hsetnx(keys.CONNECTIONS, name, _encode(kept)))


def exchange(redis: Redis, name: str, kept: StoredKey) -> None:
    """Replace the key of a connection."""
    redis.hset(keys.CONNECTIONS, name, cast("str", _encode(kept)))


def drop(redis: Redis, name: str) -> bool:
    """Delete the key of a connection; return False if there was none."""
    return bool(redis.hdel(keys.CONNECTIONS, name))


def names(redis: Redis) -> list[str]:
    """Return the connections that have a stored key."""
    return sorted(name.decode() for name in cast("list[bytes]", redis.hkeys(keys.CONNECTIONS)))


def find(redis: Redis, name: str) -> StoredKey | None:
    """Return the stored key of a connection, None if there is none."""
    value = cast("bytes | None", redis.hget(keys.CONNECTIONS, name))
    return _decode(value) if value else None


def key_of(redis: Redis, name: str, cipher: Cipher) -> str | None:
    """Return the decrypted key, None if there is none. Raises NoSecretKey, SecretKeyChanged."""
    found = find(redis, name)
    return cipher.decrypt(found.key.encode()) if found else None


def reseal(redis: Redis, cipher: Cipher) -> None:
    """Encrypt every key with the first secret; no CDP sends them again, so old secrets could not be removed otherwise.

    A key that cannot be read stays unchanged.
    """

    def renew(pipe: Pipeline) -> None:
        stored = cast("dict[bytes, bytes]", pipe.hgetall(keys.CONNECTIONS))
        pipe.multi()
        for name, value in stored.items():
            if renewed := _renewed(name, _decode(value), cipher):
                pipe.hset(keys.CONNECTIONS, cast("str", name), cast("str", _encode(renewed)))

    # Watched, so that a key replaced meanwhile is not overwritten.
    redis.transaction(renew, keys.CONNECTIONS)


def _renewed(name: bytes, kept: StoredKey, cipher: Cipher) -> StoredKey | None:
    try:
        return msgspec.structs.replace(kept, key=cipher.encrypt(cipher.decrypt(kept.key.encode())).decode())
    except (NoSecretKey, SecretKeyChanged) as fault:
        log.error("the key of connection %s cannot be read: %s", name.decode(), fault)  # noqa: TRY400  # expected
        return None
