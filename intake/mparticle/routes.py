"""`POST /v1/mparticle`: the protocol of mParticle's Firehose, all message types on one address."""

from __future__ import annotations

import logging
from collections.abc import Container

import falcon
import falcon.asgi
import msgspec
from redis.asyncio import Redis

from configuration.senders import Sender
from intake.access.auth import is_anonymous, sender_of, unauthorized
from intake.access.trusted_settings import TrustedSettings
from intake.audiences import Audiences, written
from intake.http import faults, large, limits
from intake.http.body import BodyReader
from intake.http.connection import check_query
from intake.http.errors import RepeatedEvents
from intake.mparticle import consents, erasure, membership, messages, subscription
from intake.mparticle.accounts import Accounts
from intake.mparticle.messages import (
    Erasure,
    ErasureResponse,
    Events,
    EventsResponse,
    MembershipMessage,
    MembershipResponse,
    Registration,
    RegistrationResponse,
    Response,
    Subscription,
    SubscriptionResponse,
    decoder,
)
from intake.mparticle.registration import registration
from queues.clock import now_ms
from queues.group_commit import GroupCommit
from queues.names import Queue

log = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode
_JSON = "application/json;charset=utf-8"


class MParticle:
    """Answers mParticle only after the ledger has what it sent."""

    def __init__(
        self,
        redis: Redis,
        commit: GroupCommit,
        bodies: BodyReader,
        accounts: Accounts,
        trusted: TrustedSettings,
        audiences: Audiences,
        suspended: Container[str],
    ) -> None:
        """`suspended`: names of the connections for which Ferry tells mParticle to stop sending."""
        self._redis = redis
        self._commit = commit
        self._bodies = bodies
        self._accounts = accounts
        self._trusted = trusted
        self._audiences = audiences
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
        message = await large.read(body, _read, body)
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
            acceptances = await large.read(body, make, message, account_id, connection, self._audiences, now_ms(), kept)
            await self._trusted.lists(sender, ignored)
            self._audiences.remember(written(acceptances, await self._commit.accept(acceptances)))
            suspend = connection.name in self._suspended
        return MembershipResponse(suspend_subscription=suspend)

    async def _subscription(self, message: Subscription, sender: Sender) -> SubscriptionResponse:
        _, connection, lists = await self._accounts.of(message.account, sender)
        ignored: dict[Queue, dict[str, str]] = {}
        acceptance = subscription.acceptance(message, connection, None if lists else ignored)
        await self._trusted.lists(sender, ignored)
        self._audiences.remember(written([acceptance], await self._commit.accept([acceptance])))
        return await subscription.answer(self._redis, message, acceptance.queue)

    async def _erasure(self, message: Erasure, sender: Sender) -> ErasureResponse:
        account_id, connection, _ = await self._accounts.of(message.account, sender)
        acceptances = erasure.acceptances(message, account_id, connection, self._audiences, now_ms())
        await self._commit.accept(acceptances)
        if any(acceptance.dead for acceptance in acceptances):
            log.warning("%s: an erasure without an identity is a dead letter; see `ferry dead list`", connection.name)
        else:
            log.info("%s: an erasure is pending until no batch in progress has the person", connection.name)
        return ErasureResponse()

    async def _events(self, message: Events, sender: Sender) -> EventsResponse:
        account_id, connection, _ = await self._accounts.of(message.account, sender)
        has_consent = await consents.remember(self._redis, message, account_id, connection, now_ms())
        await self._commit.confirm()
        if counted := self._tally.count("with consent" if has_consent else "without consent"):
            log.info("event_processing_request: %s; the consent is remembered, events are not forwarded", counted)
        return EventsResponse()


def _read(body: bytes) -> Registration | Subscription | MembershipMessage | Events | Erasure:
    """Read a message and check its size. Raises falcon.HTTPBadRequest, TooMuch."""
    message = messages.read(body)
    if not isinstance(message, MembershipMessage):  # its profiles are checked one by one
        faults.check_size(body, "$")
    return message
