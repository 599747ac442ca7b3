"""Whether a connection's key is of the account to which the connection delivered before.

Asked of Klaviyo once for each key, before the first delivery with it; another account holds the connection.
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

#: Of an account that its key may not tell.
_UNTOLD: Final = "an account that the key may not tell (it has no accounts:read)"


def check_account(delivery: Delivery, settings: Settings) -> None:
    """Raises AccountChanged, and NotAccepted while Klaviyo does not say whose the key is."""
    redis, connection = delivery.redis, delivery.batch.queue.connection
    key = _mark(settings, delivery.to.api_key)
    if accounts.is_known(redis, connection, key):
        return
    account = delivery.klaviyo.account().id or ""
    before = accounts.note(redis, connection, key, account)
    if before is not None:
        raise AccountChanged(MovedAccount(key, account, before), _resolve(connection, account, before))


def has_new_key(redis: Redis, settings: Settings, connection: str, moved: MovedAccount) -> bool:
    """Whether the connection has another key than the one that is held. A held batch looks every 30 s.

    Klaviyo is not asked here: the next delivery asks whose the new key is, and holds the connection again if need be.
    """
    try:
        api_key = usable_key(redis, settings.connections, Cipher(settings.secret_keys), connection)
    except Held:
        return False
    return _mark(settings, api_key) != moved.key


def confirm(redis: Redis, settings: Settings, connection: str, api_key: str, account: str | None) -> None:
    """Let the connection deliver to the account of this key: a person said so."""
    accounts.confirm(redis, connection, _mark(settings, api_key), account or "")


def _mark(settings: Settings, api_key: str) -> str:
    # With the address, for an emulator takes any key: one that was tried there is not known to be Klaviyo's.
    return fingerprint(f"{settings.klaviyo_base_url} {api_key}")


def _resolve(connection: str, account: str, before: str) -> str:
    return (
        f"The key of {connection} is of {named(account)}; until now its people went to {named(before)}. With a key of "
        f"the account until now it goes on by itself. If it is to deliver to {named(account)} from now on: "
        f"`ferry release {connection}`"
    )


def named(account: str) -> str:
    """An account in words."""
    return f"account {account}" if account else _UNTOLD
