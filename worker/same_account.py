"""Checks that a connection's key belongs to the account that the connection delivered to before.

Ferry asks Klaviyo once for each key, before the first delivery with it. A key of another account holds the connection.
"""

from __future__ import annotations

from typing import Final

from redis import Redis

from configuration.settings import Settings
from queues.connections import accounts
from queues.connections.accounts import Cipher
from queues.holds import MovedAccount
from queues.klaviyo_limits import fingerprint
from worker.connection import usable_key
from worker.delivery import Delivery
from worker.errors import AccountChanged, Held

#: Used for an account whose key has no right to name it.
_UNNAMED: Final = "an account that Ferry cannot identify (the key has no accounts:read)"


def check_account(delivery: Delivery, settings: Settings) -> None:
    """Raises AccountChanged, or NotAccepted while Klaviyo does not tell the account of the key."""
    redis, connection = delivery.redis, delivery.batch.queue.connection
    key = _mark(settings, delivery.to.api_key)
    if accounts.is_known(redis, connection, key):
        return
    account = delivery.klaviyo.account().id or ""
    before = accounts.note(redis, connection, key, account)
    if before is not None:
        raise AccountChanged(MovedAccount(key, account, before), _resolve(connection, account, before))


def has_new_key(redis: Redis, settings: Settings, connection: str, moved: MovedAccount) -> bool:
    """Return whether the connection has another key than the held one. A held batch checks every 30 s.

    This sends no request: the next delivery asks Klaviyo for the account of the new key, and holds the connection again
    if needed.
    """
    try:
        api_key = usable_key(redis, settings.connections, Cipher(settings.secret_keys), connection)
    except Held:
        return False
    return _mark(settings, api_key) != moved.key


def confirm(redis: Redis, settings: Settings, connection: str, api_key: str, account: str | None) -> None:
    """Let the connection deliver to the account of this key, as a person confirmed."""
    accounts.confirm(redis, connection, _mark(settings, api_key), account or "")


def _mark(settings: Settings, api_key: str) -> str:
    # Includes the address: an emulator accepts any key, so a key tried there says nothing about Klaviyo.
    return fingerprint(f"{settings.klaviyo_base_url} {api_key}")


def _resolve(connection: str, account: str, before: str) -> str:
    return (
        f"The key of {connection} belongs to {named(account)}; until now its people went to {named(before)}. To keep "
        "the previous account, set one of its keys: delivery continues automatically. To deliver to "
        f"{named(account)} from now on: `ferry release {connection}`"
    )


def named(account: str) -> str:
    """Return the account in words."""
    return f"account {account}" if account else _UNNAMED
