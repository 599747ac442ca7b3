"""Who may send: whoever shows one of the tokens of FERRY_TOKENS."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

import falcon
import falcon.asgi

from intake import segment_auth
from settings import Token

#: Paths that need no token.
OPEN = frozenset({"/healthz", "/readyz", "/openapi.json", "/docs"})
#: Here the resource itself lets the one message pass that needs no token.
MPARTICLE = "/v1/mparticle"
#: Here a token may come as a write key, and the resource itself checks a signature once it has the body.
SEGMENT = "/v1/segment"
_SCHEMES = ("token", "bearer")


class Auth:
    """Middleware that refuses a request before its body is read."""

    def __init__(self, tokens: Iterable[Token], signing: bool = False) -> None:
        """`signing`: whether there are secrets by which Segment may sign."""
        self._values = [token.value.encode() for token in tokens]
        self._signing = signing

    def knows(self, authorization: str | None) -> bool:
        """Whether an Authorization header shows a token: `Token <value>` as mParticle sends it, or `Bearer <value>`."""
        scheme, _, shown = (authorization or "").partition(" ")
        return self._is_token(shown.strip()) and scheme.lower() in _SCHEMES

    async def process_request(self, req: falcon.asgi.Request, _resp: falcon.asgi.Response) -> None:
        """Raise HTTPUnauthorized, or mark the request as anonymous where the resource decides."""
        authorization = req.get_header("Authorization")
        if req.path in OPEN or self.knows(authorization):
            return
        if req.path == SEGMENT:
            if self._is_token(segment_auth.write_key(authorization)):
                return
            signed = self._signing and req.get_header(segment_auth.SIGNATURE)
            if not signed or req.method != "POST":
                raise segment_auth.unauthorized()
        elif req.path != MPARTICLE or req.method != "POST":
            raise unauthorized()
        req.context.anonymous = True

    def _is_token(self, shown: str) -> bool:
        given = shown.encode()
        # Compared with every token, so that the time it takes does not tell which one was near.
        matches = [hmac.compare_digest(given, value) for value in self._values]
        return any(matches)


def is_anonymous(req: falcon.asgi.Request) -> bool:
    """Whether the request came without a valid token."""
    return "anonymous" in req.context


def shown(req: falcon.asgi.Request) -> str:
    """The token that a request shows, however it is written: what stands for its sender within this process."""
    authorization = req.get_header("Authorization") or ""
    scheme, _, value = authorization.partition(" ")
    return value.strip() if scheme.lower() in _SCHEMES else segment_auth.write_key(authorization)


def unauthorized() -> falcon.HTTPUnauthorized:
    """The answer to whoever shows no valid token."""
    return falcon.HTTPUnauthorized(
        title="A valid token is needed",
        description="Send the header 'Authorization: Token <value>' (or Bearer) with a value of FERRY_TOKENS.",
        challenges=['Token realm="ferry"', 'Bearer realm="ferry"'],
    )
