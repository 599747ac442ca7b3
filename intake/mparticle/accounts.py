"""Keeps the settings of mParticle accounts, and finds the connection of an account."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from configuration.connections import Connection, Connections
from configuration.senders import Sender
from intake.access.auth import Scopes
from intake.access.trusted_settings import TrustedSettings
from intake.audiences import TTLCache
from intake.http.faults import UNREADABLE, bad_request, check_size, describe
from intake.mparticle import settings as setting_values
from intake.mparticle.messages import MParticleAccount
from intake.mparticle.settings import API_KEY, OF_ACCOUNT

#: Accounts remembered, and the bytes of the largest one that is remembered.
_MOST: Final = 1_000
_LARGEST: Final = 8_192

_decoder = msgspec.json.Decoder(MParticleAccount | None)


class KnownAccount(NamedTuple):
    """An account and its connection. `lists`: whether the list settings of its messages count."""

    account_id: int | None
    connection: Connection
    lists: bool


class Accounts:
    """Looks up accounts by sender and JSON, which is the same in every message."""

    def __init__(self, connections: Connections, scopes: Scopes, trusted: TrustedSettings) -> None:
        self._connections = connections
        self._scopes = scopes
        self._trusted = trusted
        self._known: TTLCache[tuple[str, bytes], KnownAccount] = TTLCache(_MOST)

    async def of(self, raw: msgspec.Raw, sender: Sender) -> KnownAccount:
        """Return the account of a message, after keeping its settings if they are new and count. `raw`: its `account`.

        Raises HTTPBadRequest, HTTPForbidden, Unavailable, and NoSecretKey when there is an API key that cannot be kept.
        """
        json = bytes(raw)
        known = self._known.get((sender.name, json))
        if known is None:
            known = await self._learn(json, sender)
            if len(json) <= _LARGEST:
                self._known.put((sender.name, json), known)
        return known

    async def _learn(self, json: bytes, sender: Sender) -> KnownAccount:
        try:
            account = (_decoder.decode(json) if json else None) or MParticleAccount()
        except UNREADABLE as fault:
            raise bad_request(describe(fault, "$.account")) from None
        check_size(json, "$.account")
        self._scopes.check_account(sender, account.account_id)
        connection = self._connections.for_mparticle(account.account_id)
        self._scopes.check_connection(sender, connection)
        if settings := _ours(setting_values.read(account.account_settings, API_KEY)):
            await self._trusted.account(sender, connection, settings)
        return KnownAccount(account.account_id, connection, sender.may_set(connection))


def _ours(settings: dict[str, str]) -> dict[str, str]:
    return {key: text for key, value in settings.items() if key in OF_ACCOUNT and (text := value.strip())}
