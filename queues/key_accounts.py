"""To which account of Klaviyo's each connection delivers, and which keys are known to be of that account.

Neither a key nor a connection's settings show it: whoever exchanges a key may take one of another account by mistake,
and the people of one customer would go to another.
"""

from __future__ import annotations

from typing import Final, cast

from redis import Redis

from queues import keys

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
