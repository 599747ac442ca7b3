"""What Ferry stores of a connection's Klaviyo account: the account, the settings from the CDP, and the API keys.

The CDP's settings, such as mParticle's `account_settings`, override the connection's. API keys are stored encrypted:
those of the settings, and those of connections that were added while Ferry runs; no key of the environment is stored.

Ferry also remembers the Klaviyo account that each connection delivers to, and the keys known to belong to it. Neither
a key nor the settings show the account: a new key may by mistake be of another account, and one customer's people would
be sent to another customer.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, cast

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from redis import Redis
from redis.client import Pipeline

from queues import keys
from queues.errors import NoSecretKey, SecretKeyChanged

_PURPOSE: Final = b"ferry: api keys at rest"
_ACCOUNT: Final = "account"
#: The fields of a hash, as Redis has them.
StoredAccount = Mapping[bytes, bytes]
log = logging.getLogger(__name__)
_encode_key = msgspec.json.Encoder().encode


class Cipher:
    """Encryption of stored API keys. The first secret encrypts and all decrypt, so that a secret can be replaced."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._fernet = MultiFernet([fernet(secret, _PURPOSE) for secret in secrets]) if secrets else None

    def encrypt(self, text: str) -> bytes:
        """Encrypt a text. Raises NoSecretKey when the installation has no secret."""
        if self._fernet is None:
            raise NoSecretKey
        return self._fernet.encrypt(text.encode())

    def decrypt(self, token: bytes) -> str:
        """Decrypt a token. Raises NoSecretKey, or SecretKeyChanged when no secret of this installation fits."""
        if self._fernet is None:
            raise NoSecretKey
        try:
            return self._fernet.decrypt(token).decode()
        except InvalidToken as fault:
            raise SecretKeyChanged from fault


@cache  # each delivery needs it
def fernet(secret: str, purpose: bytes) -> Fernet:
    """Derive a key from a secret of the installation; each purpose has its own, which decrypts nothing of another.

    It is derived because the secrets that platforms generate do not have the form that Fernet requires.
    """
    derived = HKDF(SHA256(), 32, salt=None, info=purpose).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))


class AccountSettings(msgspec.Struct, frozen=True):
    """The last account settings from the CDP: `settings` without the key, and the key."""

    settings: dict[str, str]
    api_key: str | None = None

    def __repr__(self) -> str:
        return f"Account({sorted(self.settings)}, {'with' if self.api_key else 'no'} key)"


def record(account: AccountSettings, cipher: Cipher) -> dict[str, bytes]:
    """Return the fields of the account's hash. Raises NoSecretKey."""
    key = cipher.encrypt(account.api_key) if account.api_key else b""
    return {"settings": msgspec.json.encode(account.settings), "api_key": key}


def remember(redis: Redis, connection: str, account: AccountSettings, cipher: Cipher) -> None:
    """Store the CDP's settings of a connection. Raises NoSecretKey, with nothing stored."""
    redis.hset(keys.account(connection), mapping=cast("Any", record(account, cipher)))


def recall(redis: Redis, connection: str, cipher: Cipher) -> AccountSettings | None:
    """Return the CDP's last settings, or None. Raises NoSecretKey or SecretKeyChanged when the key cannot be read."""
    return recalled(cast("StoredAccount", redis.hgetall(keys.account(connection))), cipher)


def recalled(stored: StoredAccount, cipher: Cipher) -> AccountSettings | None:
    """Return the CDP's settings in the stored fields of an account, like `recall`. Pure."""
    if not stored:
        return None
    api_key = cipher.decrypt(stored[b"api_key"]) if stored.get(b"api_key") else None
    return AccountSettings(msgspec.json.decode(stored[b"settings"], type=dict[str, str]), api_key)


def is_known(stored: StoredAccount, key: str) -> bool:
    """Return whether a connection delivers to the account of this key. Pure.

    `stored`: the fields of the connection's `keys.klaviyo`. `key`: its fingerprint.
    """
    of_key = stored.get(key.encode())
    return of_key is not None and of_key == stored.get(_ACCOUNT.encode())


def known(redis: Redis, connections: Sequence[str]) -> dict[str, str]:
    """Return the Klaviyo account of each of these connections that has a known one."""
    with redis.pipeline(transaction=False) as pipe:
        for connection in connections:
            pipe.hget(keys.klaviyo(connection), _ACCOUNT)
        found = cast("list[bytes | None]", pipe.execute())
    return {name: account.decode() for name, account in zip(connections, found, strict=True) if account}


def note(redis: Redis, connection: str, key: str, account: str) -> str | None:
    """Remember the account of a key; return the account that the connection delivers to if it is another.

    `account`: Klaviyo's id, empty if the key may not read it. Such a key is accepted as the first one, and later only
    if a person confirms it, because nothing shows that it belongs to the same account.
    """
    name = keys.klaviyo(connection)
    if not redis.hsetnx(name, _ACCOUNT, account):
        delivers_to = (cast("bytes | None", redis.hget(name, _ACCOUNT)) or b"").decode()
        if not account or delivers_to != account:
            return delivers_to
    redis.hset(name, key, account)
    return None


def confirm(redis: Redis, connection: str, key: str, account: str) -> None:
    """Deliver to the account of this key from now on, as a person confirmed."""
    redis.hset(keys.klaviyo(connection), mapping={_ACCOUNT: account, key: account})


class StoredKey(msgspec.Struct, frozen=True):
    """A stored key. `key`: encrypted. `since`: ms. `account`: Klaviyo's id, None when the key may not read it."""

    key: str
    since: int
    account: str | None = None

    def __repr__(self) -> str:
        return f"Kept(since {self.since}, account {self.account})"


#: Decodes a key from its stored form.
read_key = msgspec.json.Decoder(StoredKey).decode


def seal_key(cipher: Cipher, api_key: str, since: int, account: str | None) -> StoredKey:
    """Return the stored form of a key. Raises NoSecretKey."""
    return StoredKey(cipher.encrypt(api_key).decode(), since, account)


def add_key(redis: Redis, name: str, kept: StoredKey) -> bool:
    """Store the key of a connection; return False if it already has one, which stays."""
    return bool(redis.hsetnx(keys.CONNECTIONS, name, _encode_key(kept)))


def exchange_key(redis: Redis, name: str, kept: StoredKey) -> None:
    """Replace the key of a connection."""
    redis.hset(keys.CONNECTIONS, name, cast("str", _encode_key(kept)))


def drop_key(redis: Redis, name: str) -> bool:
    """Delete the key of a connection; return False if there was none."""
    return bool(redis.hdel(keys.CONNECTIONS, name))


def with_key(redis: Redis) -> list[str]:
    """Return the connections that have a stored key."""
    return sorted(name.decode() for name in cast("list[bytes]", redis.hkeys(keys.CONNECTIONS)))


def stored_key(redis: Redis, name: str) -> StoredKey | None:
    """Return the stored key of a connection, None if there is none."""
    value = cast("bytes | None", redis.hget(keys.CONNECTIONS, name))
    return read_key(value) if value else None


def key_of(redis: Redis, name: str, cipher: Cipher) -> str | None:
    """Return the decrypted key, None if there is none. Raises NoSecretKey, SecretKeyChanged."""
    found = stored_key(redis, name)
    return opened(found, cipher) if found else None


def opened(kept: StoredKey, cipher: Cipher) -> str:
    """Return the decrypted key. Raises NoSecretKey, SecretKeyChanged."""
    return cipher.decrypt(kept.key.encode())


def reseal_keys(redis: Redis, cipher: Cipher) -> None:
    """Encrypt every key with the first secret; no CDP sends them again, so old secrets could not be removed otherwise.

    A key that cannot be read stays unchanged.
    """

    def renew(pipe: Pipeline) -> None:
        stored = cast("dict[bytes, bytes]", pipe.hgetall(keys.CONNECTIONS))
        pipe.multi()
        for name, value in stored.items():
            if renewed := _renewed(name, read_key(value), cipher):
                pipe.hset(keys.CONNECTIONS, cast("str", name), cast("str", _encode_key(renewed)))

    # Watched, so that a key replaced meanwhile is not overwritten.
    redis.transaction(renew, keys.CONNECTIONS)


def _renewed(name: bytes, kept: StoredKey, cipher: Cipher) -> StoredKey | None:
    try:
        return msgspec.structs.replace(kept, key=cipher.encrypt(cipher.decrypt(kept.key.encode())).decode())
    except (NoSecretKey, SecretKeyChanged) as fault:
        log.error("the key of connection %s cannot be read: %s", name.decode(), fault)  # noqa: TRY400  # expected
        return None
