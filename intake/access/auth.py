"""Finds the sender of a request by its token, and checks what that sender may do.

Senders come from connections.toml or FERRY_TOKENS. 403 says what the sender lacks, 429 when it may continue.
"""

from __future__ import annotations

import hmac
import math
import os
from collections.abc import Collection, Iterable
from hashlib import blake2b
from typing import Any, Final

import falcon
import falcon.asgi

from configuration.connections import Connection
from configuration.senders import Sender
from intake.access.origins import Origins
from intake.access.uses import Uses
from intake.segment import auth
from intake.segment.calls import ADDRESSES, METRICS
from queues.senders import Lack, SenderRates

#: Addresses that need no token.
OPEN = frozenset({"/healthz", "/readyz", "/openapi.json", "/docs", *METRICS})
#: The resource at this address lets the one message pass that needs no token.
MPARTICLE = "/v1/mparticle"
#: At this address the resource checks a signature once it has the body.
SEGMENT = "/v1/segment"
#: At these a token may also be a write key; at those of the tracking API also one within the body.
_WRITE_KEYS: Final = frozenset({SEGMENT, *ADDRESSES})
_SCHEMES = ("token", "bearer")
#: Template of an address -> the routes that open it. A sender of campaigns may read the state of their snapshots.
_ROUTES: Final = {
    "/v1/mparticle": ("mparticle",),
    "/v1/changes": ("changes",),
    **dict.fromkeys(_WRITE_KEYS, ("segment",)),
    "/v1/campaigns": ("campaigns",),
    "/v1/audiences/{audience}/members": ("snapshots",),
    "/v1/audiences/{audience}/syncs": ("snapshots", "campaigns"),
    "/v1/audiences/{audience}/syncs/{snapshot}": ("snapshots", "campaigns"),
    "/v1/audiences/{audience}/syncs/{snapshot}/rejected.csv": ("snapshots", "campaigns"),
}


class KnownTokens:
    """Finds the sender of a token, in one look-up however many senders there are."""

    def __init__(self, senders: Iterable[Sender]) -> None:
        # A new key in each process, so that nobody can choose tokens whose digests are close to a valid one's.
        self._key: Final = os.urandom(32)
        self._senders: dict[bytes, tuple[bytes, Sender]] = {}
        for sender in senders:
            for token in sender.tokens:
                digest = self._digest(token)
                self._senders.setdefault(digest, (digest, sender))

    def sender(self, shown: str) -> Sender | None:
        """Return the sender of a token; None when the token is not valid."""
        digest = self._digest(shown)
        found = self._senders.get(digest)
        return found[1] if found is not None and hmac.compare_digest(found[0], digest) else None

    def _digest(self, token: str) -> bytes:
        return blake2b(token.encode("utf-8", "surrogatepass"), key=self._key, digest_size=32).digest()


class Auth:
    """Middleware that refuses a request before its body is read."""

    def __init__(self, senders: Collection[Sender], scopes: Scopes) -> None:
        self._known = KnownTokens(senders)
        self._signatures = auth.Signatures(senders)
        self._origins = Origins(senders)
        self._scopes = scopes

    def sender(self, authorization: str | None) -> Sender | None:
        """Return the sender of an Authorization header: `Token <value>` as mParticle sends it, or `Bearer <value>`."""
        scheme, _, shown = (authorization or "").partition(" ")
        found = self._known.sender(shown.strip())
        return found if scheme.lower() in _SCHEMES else None

    async def process_resource(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, _resource: object, _params: dict[str, Any]
    ) -> None:
        """Raise HTTPUnauthorized or what `admit` raises, or mark the request as anonymous when the resource decides.

        It is called for the addresses that exist, so all others are answered 404. The address is the matched template,
        because several spellings of a path may lead to it.
        """
        address = str(req.uri_template)
        if (address in ADDRESSES or address in METRICS) and self._origins.answer(req, resp):
            return
        if address in OPEN:
            return
        authorization = req.get_header("Authorization")
        sender = self.sender(authorization)
        if sender is None and address in _WRITE_KEYS:
            sender = self._known.sender(auth.write_key(authorization))
        if sender is not None:
            await self.admit(req, sender)
        elif not self._may_be_anonymous(req, address):
            raise _refusal(address)
        else:
            req.context.anonymous = True

    async def admit(self, req: falcon.asgi.Request, sender: Sender) -> None:
        """Let a sender go on if its rate, routes and origins allow it.

        Raises HTTPTooManyRequests, HTTPForbidden, and Unavailable when a rate cannot be checked.
        """
        req.context.sender = sender
        address = str(req.uri_template)
        await self._scopes.check_rate(sender)
        self._scopes.check_route(sender, address)
        if address in ADDRESSES:
            self._scopes.check_origin(sender, req.get_header("Origin"))

    def identify(self, req: falcon.asgi.Request, body: bytes) -> None:
        """Find the sender of an anonymous request by its body. Raises HTTPUnauthorized.

        `body`: of a signed message as it was sent; of the tracking API after decompression.
        """
        if str(req.uri_template) == SEGMENT:
            req.context.sender = self._signatures.sender(req.get_header(auth.SIGNATURE) or "", body)
            return
        sender = self._known.sender(auth.posted_write_key(body))
        if sender is None:
            raise auth.invalid_write_key()
        req.context.sender = sender

    def _may_be_anonymous(self, req: falcon.asgi.Request, address: str) -> bool:
        if req.method != "POST":
            return False
        if address == SEGMENT:
            return bool(self._signatures) and bool(req.get_header(auth.SIGNATURE))
        return address == MPARTICLE or (address in ADDRESSES and req.get_header("Authorization") is None)


def is_anonymous(req: falcon.asgi.Request) -> bool:
    """Return whether the request has no valid token."""
    return "anonymous" in req.context


def sender_of(req: falcon.asgi.Request) -> Sender:
    """Return the sender of a request that is not anonymous."""
    sender: Sender = req.context.sender
    return sender


def _refusal(address: str) -> falcon.HTTPUnauthorized:
    if address in ADDRESSES:
        return auth.invalid_write_key()
    return auth.unauthorized() if address == SEGMENT else unauthorized()


def unauthorized() -> falcon.HTTPUnauthorized:
    """Return the answer to a request without a valid token."""
    return falcon.HTTPUnauthorized(
        title="A valid token is needed",
        description="Send the header 'Authorization: Token <value>' (or Bearer) with a value of FERRY_TOKENS, or of "
        "the variable named by token_env in a [senders] table.",
        challenges=['Token realm="ferry"', 'Bearer realm="ferry"'],
    )


class Scopes:
    """Checks the senders of one process, and counts their requests and refusals."""

    def __init__(self, rates: SenderRates, uses: Uses) -> None:
        self._rates = rates
        self._uses = uses

    async def check_rate(self, sender: Sender) -> None:
        """Count one more request. Raises HTTPTooManyRequests with Retry-After, and Unavailable."""
        self._uses.count(sender.name)
        rate = sender.rate
        if rate is None:
            return
        if seconds := await self._rates.wait(sender.name, rate.amount, rate.seconds):
            self._uses.refused(sender.name, "rate")
            raise falcon.HTTPTooManyRequests(
                title="Too many requests",
                description=f"Sender {sender.name} may make {rate.per_second:,} requests a second, {rate.amount:,} at "
                "once. Nothing was accepted; repeat it after Retry-After, or raise the rate in connections.toml.",
                retry_after=math.ceil(seconds),
            )

    def check_route(self, sender: Sender, template: str) -> None:
        """Raise HTTPForbidden when the sender may not use the address of this template."""
        routes = _ROUTES.get(template, ())
        if routes and not sender.may_use(*routes):
            raise self._lacks(sender, "route", f"the route {routes[0]}", "routes", sender.routes or ())

    def check_origin(self, sender: Sender, origin: str | None) -> None:
        """Raise HTTPForbidden for a page that the sender does not allow; programs other than browsers name none."""
        if origin is not None and origin not in sender.allowed_origins:
            raise self._lacks(
                sender, "origin", "the origin of the page", "allowed_origins", sender.allowed_origins or ("none",)
            )

    def check_name(self, sender: Sender, connection: str) -> None:
        """Raise HTTPForbidden for a name that `connections` does not contain, whether the connection exists or not."""
        if not sender.may_name(connection):
            raise self._lacks(
                sender, "connection", "the connection that was named", "connections", sender.connections or ()
            )

    def check_connection(self, sender: Sender, connection: Connection) -> None:
        """Raise HTTPForbidden when the sender may not send to the connection."""
        if not sender.may_reach(connection):
            option, have = "connections", sorted(sender.connections or ())
            if sender.connections is None:
                option, have = "mparticle_accounts", sorted(map(str, sender.mparticle_accounts or ()))
            raise self._lacks(sender, "connection", f"the connection {connection.name}", option, have)

    def check_account(self, sender: Sender, account_id: int | None) -> None:
        """Raise HTTPForbidden when the sender may not send for the mParticle account."""
        if not sender.may_send_for(account_id):
            lacking = (
                "messages without account.account_id" if account_id is None else f"the mParticle account {account_id}"
            )
            accounts = sorted(map(str, sender.mparticle_accounts or ()))
            raise self._lacks(sender, "account", lacking, "mparticle_accounts", accounts)

    def _lacks(
        self, sender: Sender, lack: Lack, lacking: str, option: str, have: Iterable[str]
    ) -> falcon.HTTPForbidden:
        self._uses.refused(sender.name, lack)
        return falcon.HTTPForbidden(
            title="The sender is not allowed to do this",
            description=f"Sender {sender.name} lacks {lacking}; it has {', '.join(sorted(have))}. Nothing was "
            f"accepted. Use the token of another sender, or add to {option} of [senders.{sender.name}] in "
            "connections.toml and restart web.",
        )
