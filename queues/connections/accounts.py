"""What a CDP says about a connection in its own settings, such as mParticle's `account_settings`.

It overrides the connection's settings. The API key among it is kept encrypted.

To which account of Klaviyo's each connection delivers, and which keys are known to be of that account.

Neither a key nor a connection's settings show it: whoever exchanges a key may take one of another account by mistake,
and the people of one customer would go to another.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from redis import Redis

from queues import keys
from queues.errors import NoSecretKey, SecretKeyChanged

_PURPOSE: Final = b"ferry: api keys at rest"


class Cipher:
    """Encrypts API keys at rest. The first secret encrypts; all decrypt, so that a secret can be exchanged."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._fernet = MultiFernet([fernet(secret, _PURPOSE) for secret in secrets]) if secrets else None

    def encrypt(self, text: str) -> bytes:
        """Raises NoSecretKey when the installation has no secret."""
        if self._fernet is None:
            raise NoSecretKey
        return self._fernet.encrypt(text.encode())

    def decrypt(self, token: bytes) -> str:
        """Raises NoSecretKey, or SecretKeyChanged when no secret of this installation fits."""
        if self._fernet is None:
            raise NoSecretKey
        try:
            return self._fernet.decrypt(token).decode()
        except InvalidToken as fault:
            raise SecretKeyChanged from fault


def fernet(secret: str, purpose: bytes) -> Fernet:
    """A key made of a secret of the installation; another for each purpose, so that none opens what another closed.

    Derived, because what platforms generate as a secret is not in the form that Fernet asks for.
    """
    derived = HKDF(SHA256(), 32, salt=None, info=purpose).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))


class AccountSettings(msgspec.Struct, frozen=True):
    """What the CDP said last: `settings` without the key, and the key."""

    settings: dict[str, str]
    api_key: str | None = None

    def __repr__(self) -> str:
        return f"Account({sorted(self.settings)}, {'with' if self.api_key else 'no'} key)"


def record(account: AccountSettings, cipher: Cipher) -> dict[str, bytes]:
    """The fields of the account's hash. Raises NoSecretKey."""
    key = cipher.encrypt(account.api_key) if account.api_key else b""
    return {"settings": msgspec.json.encode(account.settings), "api_key": key}


def remember(redis: Redis, connection: str, account: AccountSettings, cipher: Cipher) -> None:
    """Keep what the CDP said about a connection. Raises NoSecretKey with nothing kept."""
    redis.hset(keys.account(connection), mapping=cast("Any", record(account, cipher)))


def recall(redis: Redis, connection: str, cipher: Cipher) -> AccountSettings | None:
    """What the CDP said last, or None. Raises NoSecretKey or SecretKeyChanged when a key cannot be read."""
    stored = cast("dict[bytes, bytes]", redis.hgetall(keys.account(connection)))
    if not stored:
        return None
    api_key = cipher.decrypt(stored[b"api_key"]) if stored.get(b"api_key") else None
    return AccountSettings(msgspec.json.decode(stored[b"settings"], type=dict[str, str]), api_key)


_ACCOUNT: Final = "account"


def is_known(redis: Redis, connection: str, key: str) -> bool:
    """Whether the connection delivers to the account of this key. `key`: a fingerprint of it."""
    account, of_key = cast("list[bytes | None]", redis.hmget(keys.klaviyo(connection), _ACCOUNT, key))
    return of_key is not None and of_key == account


def note(redis: Redis, connection: str, key: str, account: str) -> str | None:
    """Remember of which account a key is. Returns the account to which the connection delivers, where it is another.

    `account`: Klaviyo's id, empty where the key may not tell. Such a key is taken as the first one, and after that only
    if a person says so: nothing shows that it is of the same account.
    """
    name = keys.klaviyo(connection)
    if not redis.hsetnx(name, _ACCOUNT, account):
        delivers_to = (cast("bytes | None", redis.hget(name, _ACCOUNT)) or b"").decode()
        if not account or delivers_to != account:
            return delivers_to
    redis.hset(name, key, account)
    return None


def confirm(redis: Redis, connection: str, key: str, account: str) -> None:
    """From now on the connection delivers to the account of this key: a person said so."""
    redis.hset(keys.klaviyo(connection), mapping={_ACCOUNT: account, key: account})
