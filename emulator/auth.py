"""The private keys that the account accepts, and their scopes."""

from __future__ import annotations

import msgspec

from emulator.errors import authentication_failed, not_authenticated, permission_denied

SCHEME = "Klaviyo-API-Key "
BEARER = "Bearer "
PREFIX = "pk_"


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A private key. `scopes` None: full access. Keys of one `account` share its rate limits and show its id; None:
    separate limits."""

    key: str
    scopes: tuple[str, ...] | None = None
    account: str | None = None
    revoked: bool = False

    @property
    def quota_group(self) -> str:
        """The group whose rate limits apply to calls with this key."""
        return self.account or self.key


class Keys:
    """The keys of the account; until some are configured, every key that starts with `pk_` has full access.

    `bearer`: whether OAuth's access tokens are accepted too; those of keys that are configured, or else any.
    """

    def __init__(self) -> None:
        self.bearer = False
        self._configured: dict[str, Key] = {}

    def configure(self, keys: list[Key]) -> None:
        """Accept exactly these keys; an empty list restores the initial state."""
        self._configured = {key.key: key for key in keys}

    def identify(self, authorization: str | None) -> Key:
        """Return the key or token of an `Authorization` header; raises `ApiError` 401."""
        given = authorization or ""
        bearer = self.bearer and given.startswith(BEARER)
        if not bearer and not given.startswith(SCHEME):
            raise not_authenticated()
        name = given.removeprefix(BEARER if bearer else SCHEME).strip()
        if not self._configured and name.startswith("" if bearer else PREFIX):
            return Key(name)
        key = self._configured.get(name)
        if key is None or key.revoked:
            raise authentication_failed()
        return key


def require(key: Key, scopes: tuple[str, ...]) -> None:
    """Raise `ApiError` 403 unless the key has all these scopes."""
    missing = [scope for scope in scopes if key.scopes is not None and scope not in key.scopes]
    if missing:
        raise permission_denied(f"The API key is missing the required scopes: {', '.join(missing)}.")
