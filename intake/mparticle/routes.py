"""`POST /v1/mparticle`: the protocol of mParticle's Firehose, all message types on one address.

The settings of each mParticle account are kept, and an account leads to its connection.
"""

from __future__ import annotations

import logging
from collections.abc import Container
from typing import Final, NamedTuple

import falcon
import falcon.asgi
import msgspec
from redis.asyncio import Redis

from configuration.connections import Connection, Connections
from configuration.senders import Sender
from intake.access.auth import Scopes, is_anonymous, sender_of, unauthorized
from intake.access.trusted_settings import TrustedSettings
from intake.audiences import TTLCache
from intake.http import faults, limits
from intake.http.errors import RepeatedEvents
from intake.http.faults import UNREADABLE, bad_request, check_query, check_size, describe, read_apart
from intake.incoming import Services
from intake.mparticle import consents, erasure, membership, messages, subscription
from intake.mparticle import settings as setting_values
from intake.mparticle.messages import (
    Erasure,
    ErasureResponse,
    Events,
    EventsResponse,
    MembershipMessage,
    MembershipResponse,
    MParticleAccount,
    Registration,
    RegistrationResponse,
    Response,
    Subscription,
    SubscriptionResponse,
    decoder,
)
from intake.mparticle.registration import registration
from intake.mparticle.settings import API_KEY, OF_ACCOUNT
from queues.clock import now_ms
from queues.names import Queue

#: Accounts remembered, and the bytes of the largest one that is remembered.
_MOST: Final = 1_000
_LARGEST: Final = 8_192
_decoder = msgspec.json.Decoder(MParticleAccount | None)
log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode
_JSON = "application/json;charset=utf-8"


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


class MParticle:
    """Answers mParticle only after the ledger has what it sent."""

    def __init__(
        self,
        redis: Redis,
        services: Services,
        accounts: Accounts,
        trusted: TrustedSettings,
        suspended: Container[str],
    ) -> None:
        """`suspended`: names of the connections for which Ferry tells mParticle to stop sending."""
        self._redis = redis
        self._services = services
        self._bodies = services.bodies
        self._audiences = services.audiences
        self._accounts = accounts
        self._trusted = trusted
        self._suspended = suspended
        self._tally = RepeatedEvents(every=60.0)

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Take one message."""
        resp.content_type = _JSON
        if is_anonymous(req):
            resp.data = _encode(await self._anonymous(req))
            return
        check_query(req)
        sender = sender_of(req)
        body = await self._bodies.read(req)
        async with self._bodies.large.turn(body):
            resp.data = _encode(await self._take(body, sender, resp))

    async def _take(self, body: bytes, sender: Sender, resp: falcon.asgi.Response) -> Response:
        message = await read_apart(body, _read, body)
        if isinstance(message, MembershipMessage):
            resp.status = falcon.HTTP_202
            return await self._membership(message, sender, body)
        if isinstance(message, Subscription):
            return await self._subscription(message, sender)
        if isinstance(message, Registration):
            return registration()
        if isinstance(message, Erasure):
            return await self._erasure(message, sender)
        return await self._events(message, sender)

    async def _anonymous(self, req: falcon.asgi.Request) -> RegistrationResponse:
        """Answer a registration request without a token.

        mParticle makes its token only after importing the registration (mParticle: Firehose, authentication).
        """
        try:
            message = decoder.decode(await self._bodies.read(req, limits.ANONYMOUS_BODY))
        except falcon.HTTPServiceUnavailable:
            raise
        except (falcon.HTTPError, *faults.UNREADABLE):
            raise unauthorized() from None
        if not isinstance(message, Registration):
            raise unauthorized()
        return registration()

    async def _membership(self, message: MembershipMessage, sender: Sender, body: bytes) -> MembershipResponse:
        suspend = False
        if message.user_profiles:
            account_id, connection, lists = await self._accounts.of(message.account, sender)
            ignored: dict[Queue, dict[str, str]] = {}
            make = membership.acceptances
            kept = None if lists else ignored
            acceptances = await read_apart(body, make, message, account_id, connection, self._audiences, now_ms(), kept)
            if ignored:
                await self._trusted.lists(sender, ignored)
            await self._services.accept(acceptances)
            suspend = connection.name in self._suspended
        return MembershipResponse(suspend_subscription=suspend)

    async def _subscription(self, message: Subscription, sender: Sender) -> SubscriptionResponse:
        _, connection, lists = await self._accounts.of(message.account, sender)
        ignored: dict[Queue, dict[str, str]] = {}
        acceptance = subscription.acceptance(message, connection, None if lists else ignored)
        await self._trusted.lists(sender, ignored)
        await self._services.accept([acceptance])
        return await subscription.answer(self._redis, message, acceptance.queue)

    async def _erasure(self, message: Erasure, sender: Sender) -> ErasureResponse:
        account_id, connection, _ = await self._accounts.of(message.account, sender)
        acceptances = erasure.acceptances(message, account_id, connection, self._audiences, now_ms())
        await self._services.commit.accept(acceptances)
        if any(acceptance.dead for acceptance in acceptances):
            log.warning("%s: an erasure without an identity is a dead letter; see `ferry dead list`", connection.name)
        else:
            log.info("%s: an erasure is pending until no batch in progress has the person", connection.name)
        return ErasureResponse()

    async def _events(self, message: Events, sender: Sender) -> EventsResponse:
        account_id, connection, _ = await self._accounts.of(message.account, sender)
        has_consent = await consents.remember(self._redis, message, account_id, connection, now_ms())
        await self._services.commit.confirm()
        if counted := self._tally.count("with consent" if has_consent else "without consent"):
            log.info("event_processing_request: %s; the consent is remembered, events are not forwarded", counted)
        return EventsResponse()


def _read(body: bytes) -> Registration | Subscription | MembershipMessage | Events | Erasure:
    """Read a message and check its size. Raises falcon.HTTPBadRequest, TooMuch."""
    message = messages.read(body)
    if not isinstance(message, MembershipMessage):  # its profiles are checked one by one
        faults.check_size(body, "$")
    return message
