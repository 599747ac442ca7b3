"""Who sends: a sender of connections.toml or FERRY_TOKENS, by the token that a request shows."""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Final

import falcon
import falcon.asgi

from intake import segment_auth
from intake.scopes import Scopes
from senders import Sender

#: Paths that need no token.
OPEN = frozenset({"/healthz", "/readyz", "/openapi.json", "/docs"})
#: Here the resource itself lets the one message pass that needs no token.
MPARTICLE = "/v1/mparticle"
#: Here a token may come as a write key, and the resource itself checks a signature once it has the body.
SEGMENT = "/v1/segment"
_SCHEMES = ("token", "bearer")


class Known:
    """Which sender shows a token. One look-up, however many senders there are."""

    def __init__(self, senders: Iterable[Sender]) -> None:
        # Keyed anew in each process, so that nobody can choose tokens whose digests are near a right one's.
        self._key: Final = os.urandom(32)
        self._senders: dict[bytes, tuple[bytes, Sender]] = {}
        for sender in senders:
            for token in sender.tokens:
                digest = self._digest(token)
                self._senders.setdefault(digest, (digest, sender))

    def sender(self, shown: str) -> Sender | None:
        """The sender of a token, None for a text that is none."""
        digest = self._digest(shown)
        found = self._senders.get(digest)
        return found[1] if found is not None and hmac.compare_digest(found[0], digest) else None

    def _digest(self, token: str) -> bytes:
        return blake2b(token.encode("utf-8", "surrogatepass"), key=self._key, digest_size=32).digest()


class Auth:
    """Middleware that refuses a request before its body is read."""

    def __init__(self, senders: Iterable[Sender], scopes: Scopes, signing: bool = False) -> None:
        """`signing`: whether there are secrets by which Segment may sign."""
        self._known = Known(senders)
        self._scopes = scopes
        self._signing = signing

    def sender(self, authorization: str | None) -> Sender | None:
        """Whose token an Authorization header shows: `Token <value>` as mParticle sends it, or `Bearer <value>`."""
        scheme, _, shown = (authorization or "").partition(" ")
        found = self._known.sender(shown.strip())
        return found if scheme.lower() in _SCHEMES else None

    async def process_request(self, req: falcon.asgi.Request, _resp: falcon.asgi.Response) -> None:
        """Raise HTTPUnauthorized or HTTPTooManyRequests, or mark the request as anonymous where the resource decides.

        Raises Unavailable where a rate cannot be looked at.
        """
        authorization = req.get_header("Authorization")
        if req.path in OPEN:
            return
        sender = self.sender(authorization)
        if sender is None and req.path == SEGMENT:
            sender = self._known.sender(segment_auth.write_key(authorization))
        if sender is not None:
            req.context.sender = sender
            await self._scopes.check_rate(sender)
        elif not self._may_be_anonymous(req):
            raise segment_auth.unauthorized() if req.path == SEGMENT else unauthorized()
        else:
            req.context.anonymous = True

    async def process_resource(
        self, req: falcon.asgi.Request, _resp: falcon.asgi.Response, _resource: object, _params: dict[str, Any]
    ) -> None:
        """Raise HTTPForbidden where the sender's routes are others."""
        if "sender" in req.context:
            # By the template that was matched: several spellings of a path may lead to it.
            self._scopes.check_route(req.context.sender, str(req.uri_template))

    def _may_be_anonymous(self, req: falcon.asgi.Request) -> bool:
        if req.method != "POST":
            return False
        if req.path == SEGMENT:
            return self._signing and bool(req.get_header(segment_auth.SIGNATURE))
        return req.path == MPARTICLE


def is_anonymous(req: falcon.asgi.Request) -> bool:
    """Whether the request came without a valid token."""
    return "anonymous" in req.context


def sender_of(req: falcon.asgi.Request) -> Sender:
    """Who sends a request that is not anonymous."""
    sender: Sender = req.context.sender
    return sender


def unauthorized() -> falcon.HTTPUnauthorized:
    """The answer to whoever shows no valid token."""
    return falcon.HTTPUnauthorized(
        title="A valid token is needed",
        description="Send the header 'Authorization: Token <value>' (or Bearer) with a value of FERRY_TOKENS, or of "
        "the variable that token_env of a [senders] table names.",
        challenges=['Token realm="ferry"', 'Bearer realm="ferry"'],
    )
