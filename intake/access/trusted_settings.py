"""Keeps the keys, account settings and lists in messages of trusted senders; ignores and reports those of others."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from configuration.connections import OF_ACCOUNT, Connection
from configuration.senders import Sender
from intake.access.uses import Uses
from intake.audiences import TTLCache
from intake.mparticle.settings import API_KEY
from mappings.account_settings import rules_from_mparticle
from mappings.rules import Rules
from queues import keys
from queues.clock import now_ms
from queues.connections import account_keys, key_changes
from queues.connections.account_keys import KeyUpdate, LearntKey, fingerprint
from queues.connections.accounts import AccountSettings, Cipher
from queues.connections.key_changes import KeyChange, What
from queues.errors import Unavailable
from queues.names import Queue

log = logging.getLogger(__name__)

_encode: Final = msgspec.json.Encoder().encode
_settings: Final = msgspec.json.Decoder(dict[str, str])
_audience: Final = msgspec.json.Decoder(dict[str, Any])


class TrustedSettings:
    """Keeps or ignores the settings in messages, for all requests of one process."""

    def __init__(self, redis: Redis, cipher: Cipher, uses: Uses) -> None:
        self._redis = redis
        self._cipher = cipher
        self._uses = uses
        self._ignored: TTLCache[bytes, bool] = TTLCache()

    async def account(self, sender: Sender, connection: Connection, settings: Mapping[str, str]) -> None:
        """Keep or ignore the settings of an account, including its key.

        Raises Unavailable. Raises NoSecretKey, and keeps nothing, when the key cannot be encrypted.
        """
        others = {name: text for name, text in settings.items() if name != API_KEY}
        account = AccountSettings(others, settings.get(API_KEY))
        try:
            if sender.may_set(connection):
                await self._keep(sender, connection, account)
            else:
                await self._ignore(sender, connection, account)
        except (RedisError, OSError) as fault:
            raise Unavailable from fault

    async def lists(self, sender: Sender, ignored: Mapping[Queue, Mapping[str, str]]) -> None:
        """Report the list settings that were ignored for these audiences. Raises Unavailable."""
        for queue, settings in ignored.items():
            # A digest, because the values may have any length.
            tried = hashlib.blake2b(_encode((sender.name, str(queue), sorted(settings.items())))).digest()
            if self._ignored.get(tried):
                continue
            try:
                await self._ignore_lists(sender, queue, settings)
            except (RedisError, OSError) as fault:
                raise Unavailable from fault
            self._ignored.put(tried, True)

    async def _keep(self, sender: Sender, connection: Connection, account: AccountSettings) -> None:
        learning = await account_keys.learn(self._redis, connection.name, account, self._cipher, sender.name)
        if not learning.kept:
            undone = fingerprint(account.api_key or "")
            await self._tell(sender, connection.name, "refused", (API_KEY,), learning.after, undone)
        elif learning.before != learning.after:
            await self._tell_change(sender, connection, learning)

    async def _tell_change(self, sender: Sender, connection: Connection, learning: KeyUpdate) -> None:
        own = fingerprint(connection.api_key or "")
        before, after = learning.before or own, learning.after or own
        if before == after:
            return
        # The first key of an account without one is expected: it goes to the audit log without an alert.
        first = not before and OF_ACCOUNT.fullmatch(connection.name) is not None
        await self._tell(sender, connection.name, "changed", (API_KEY,), before, after, first=first)

    async def _ignore(self, sender: Sender, connection: Connection, account: AccountSettings) -> None:
        stored = cast("dict[bytes, bytes]", await self._redis.hgetall(keys.account(connection.name)))
        known = account_keys.learnt_of(stored, self._cipher)
        before = _settings.decode(stored[b"settings"]) if stored else {}
        if names := tried(account, known, before, connection):
            after = fingerprint(account.api_key or "") if API_KEY in names else ""
            await self._tell(sender, connection.name, "refused", names, known.fingerprint, after)

    async def _ignore_lists(self, sender: Sender, queue: Queue, settings: Mapping[str, str]) -> None:
        stored = cast("bytes | None", await self._redis.hget(keys.queue(queue), "audience"))
        known = (_audience.decode(stored).get("settings") or {}) if stored else {}
        if names := tuple(sorted(name for name, text in settings.items() if known.get(name) != text)):
            await self._tell(sender, queue.connection, "refused", names, "", "")

    async def _tell(
        self,
        sender: Sender,
        connection: str,
        what: What,
        names: tuple[str, ...],
        before: str,
        after: str,
        *,
        first: bool = False,
    ) -> None:
        now = now_ms()
        change = KeyChange(what, connection, sender.name, names, before, after, now, now)
        if what == "refused":
            self._uses.refused(sender.name, "keys")
        if await key_changes.note(self._redis, change, first=first):
            log.warning(
                "connection %s, sender %s: %s; see `ferry connections list`",
                connection,
                sender.name,
                key_changes.describe(change),
            )


def tried(
    account: AccountSettings, known: LearntKey, before: Mapping[str, str], connection: Connection
) -> tuple[str, ...]:
    """Return the names of the settings that would change something for a connection. Pure.

    A CDP repeats its settings with each message; settings that are known already or equal the connection's change
    nothing.
    """
    given = fingerprint(account.api_key or "")
    names = [API_KEY] if given not in ("", known.fingerprint, fingerprint(connection.api_key or "")) else []
    if _rules(account.settings, connection.rules) != _rules(before, connection.rules):
        names += sorted(account.settings)
    return tuple(names)


def _rules(settings: Mapping[str, str], base: Rules) -> Rules | None:
    """Return the rules; None when the settings are wrong and would hold the connection."""
    try:
        return rules_from_mparticle(settings, {}, base)
    except ValueError:
        return None
