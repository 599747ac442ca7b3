"""Keeps what mParticle says of its accounts, and tells which connection an account has."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from connections import Connection, Connections
from intake import setting_values
from intake.faults import UNREADABLE, bad_request, describe
from intake.mparticle_messages import Account
from intake.mparticle_settings import API_KEY, OF_ACCOUNT
from intake.recent import Recent
from queues import accounts, keys
from queues.errors import Unavailable

#: Accounts remembered, and the bytes of the largest that is.
_MOST: Final = 1_000
_LARGEST: Final = 8_192

_decoder = msgspec.json.Decoder(Account | None)


class Known(NamedTuple):
    """An account and its connection."""

    account_id: int | None
    connection: Connection


class Accounts:
    """Looks accounts up by their JSON, which is the same in message after message."""

    def __init__(self, redis: Redis, connections: Connections, cipher: accounts.Cipher) -> None:
        self._redis = redis
        self._connections = connections
        self._cipher = cipher
        self._known: Recent[bytes, Known] = Recent(_MOST)

    async def of(self, raw: msgspec.Raw) -> Known:
        """The account of a message, its settings kept where they are new. `raw`: `account` as it came.

        Raises HTTPBadRequest, Unavailable, and NoSecretKey when there is an API key that cannot be kept.
        """
        json = bytes(raw)
        known = self._known.get(json)
        if known is None:
            known = await self._learn(json)
            if len(json) <= _LARGEST:
                self._known.put(json, known)
        return known

    async def _learn(self, json: bytes) -> Known:
        try:
            account = (_decoder.decode(json) if json else None) or Account()
        except UNREADABLE as fault:
            raise bad_request(describe(fault, "$.account")) from None
        connection = self._connections.for_mparticle(account.account_id)
        if settings := _ours(setting_values.read(account.account_settings, API_KEY)):
            await self._remember(connection.name, settings)
        return Known(account.account_id, connection)

    async def _remember(self, connection: str, settings: dict[str, str]) -> None:
        api_key = settings.pop(API_KEY, None)
        fields: dict[Any, Any] = dict(accounts.record(accounts.Account(settings, api_key), self._cipher))
        try:
            await self._redis.hset(keys.account(connection), mapping=fields)
        except (RedisError, OSError) as fault:
            raise Unavailable from fault


def _ours(settings: dict[str, str]) -> dict[str, str]:
    return {key: text for key, value in settings.items() if key in OF_ACCOUNT and (text := value.strip())}
