"""Middleware of the console: identifies the visitor, enforces the roles of ROUTES, and refuses cross-site actions."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import quote

import falcon
import falcon.asgi
from falcon.constants import MEDIA_URLENCODED

from console.auth import roles
from console.auth.authenticate import Authenticator
from console.auth.roles import NOBODY, ROUTES, Role, Visitor
from console.auth.sessions import COOKIE, LASTS, RENEWED, Session
from console.auth.transport import way_of
from console.auth.waiting_room import TooManyTries, WaitingRoom
from console.context import AppContext
from intake.http.doorkeeper import RefusalCounter, peer_of_request

_SAFE: Final = ("GET", "HEAD")
#: Most bytes in a form or in a request to the API. The sign-in form is read before its sender is known.
_BODY: Final = 64 * 1024
#: Seconds after which a place in the waiting room is free again.
RETRY_AFTER_S: Final = 2
T = TypeVar("T")


class AuthMiddleware:
    """Authenticates and authorises every request."""

    def __init__(self, context: AppContext, authenticator: Authenticator) -> None:
        self._context = context
        self._authenticator = authenticator
        self._waiting = WaitingRoom()
        self._turned_away = RefusalCounter()

    async def process_resource(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, _resource: object, _params: dict[str, Any]
    ) -> None:
        """Put the visitor into the context, or refuse: 401 (browsers: the sign-in page), 403, 404 or 405."""
        template = str(req.uri_template)
        needed = ROUTES.get((template, req.method))
        if needed is None:
            known = roles.methods(template)
            raise falcon.HTTPMethodNotAllowed(known) if known else falcon.HTTPNotFound()
        req.context.visitor = NOBODY if needed is Role.NOBODY else await self._visitor(req, resp)
        check_role(req, needed)
        _check_size(req)
        if req.method not in _SAFE:
            await _check_origin(req)

    async def _visitor(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> Visitor:
        # The cookie of a request with a token is ignored: a wrong token must not pass because of a session.
        if (shown := req.get_header("Authorization")) is not None:
            return await self._bearer(req, shown)
        cookie = req.cookies.get(COOKIE)
        found = await self._context.run(self._authenticator.by_cookie, cookie) if cookie else None
        if found is None:
            return NOBODY
        visitor, session, age = found
        req.context.session = session
        # Automatic refreshes do not keep a session alive; opening a page does.
        if age > RENEWED and not by_script(req):
            self.give(req, resp, session)
        return visitor

    async def _bearer(self, req: falcon.asgi.Request, shown: str) -> Visitor:
        scheme, _, token = shown.partition(" ")
        if scheme.lower() != "bearer":
            return NOBODY
        return await self.turn(req, self._authenticator.by_bearer, token.strip())

    async def turn(self, req: falcon.asgi.Request, look: Callable[[str, str, float], T], token: str) -> T:
        """Return the result of `look` for a token, once its peer has waited. Raises HTTPTooManyRequests."""
        peer = peer_of_request(req.scope, self._context.settings.trusted_proxies)
        self._turned_away.tell()

        async def attempt(waited: float) -> T:
            return await self._context.run(look, token, peer, waited)

        try:
            return await self._waiting.turn(peer, attempt)
        except TooManyTries as fault:
            self._turned_away.note("an attempt with a token", peer)
            raise too_many() from fault

    def give(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, session: Session) -> None:
        """Set a session's cookie in an answer."""
        value = self._authenticator.sessions.cookie(session, int(time.time()))
        secure = way_of(req) != "loopback"
        resp.set_cookie(COOKIE, value, max_age=LASTS, path="/", secure=secure, http_only=True, same_site="Strict")


def _check_size(req: falcon.asgi.Request) -> None:
    """Raise HTTPLengthRequired or HTTPContentTooLarge, before a body of unknown or too large size is read."""
    if req.get_header("Transfer-Encoding") is not None:
        raise falcon.HTTPLengthRequired(
            title="The body's length is missing", description="Send the header Content-Length."
        )
    if (req.content_length or 0) > _BODY:
        raise falcon.HTTPContentTooLarge(
            title="The body is too large", description=f"The limit is {_BODY:,} bytes. Nothing was done."
        )


async def _check_origin(req: falcon.asgi.Request) -> None:
    """Refuse what another site made a browser send. A browser never adds a bearer token on its own."""
    visitor = roles.visitor(req)
    if visitor.via == "api":
        return
    if (req.get_header("Sec-Fetch-Site") or "none") not in ("same-origin", "none"):
        raise _foreign()
    if visitor is NOBODY:
        return
    shown = req.get_header("X-CSRF-Token") or ""
    if not shown and (req.content_type or "").startswith(MEDIA_URLENCODED):
        shown = str((await req.get_media(default_when_empty={})).get("csrf", ""))
    if not hmac.compare_digest(shown.encode("utf-8", "replace"), visitor.csrf.encode()):
        raise _foreign()


def _foreign() -> falcon.HTTPForbidden:
    return falcon.HTTPForbidden(
        title="This request did not come from a page of Ferry",
        description="Nothing was done. If you pressed a button here, sign in again and repeat it. Programs send a "
        "bearer token, or the session's token in the header X-CSRF-Token.",
    )


def too_many() -> falcon.HTTPTooManyRequests:
    """Return the answer while too many wrong tokens arrive."""
    return falcon.HTTPTooManyRequests(
        title="Too many attempts",
        description="Several attempts from your address are waiting already, because wrong tokens came from it. Try "
        "again in a few seconds. `ferry` on the machine that runs Ferry still works.",
        retry_after=RETRY_AFTER_S,
    )


def wants_page(req: falcon.asgi.Request) -> bool:
    """Return whether a person in a browser waits for the answer, not a program."""
    return "text/html" in (req.get_header("Accept") or "") and req.get_header("Authorization") is None


def by_script(req: falcon.asgi.Request) -> bool:
    """Return whether htmx requests a part of a page, not a person a new page."""
    return req.get_header("HX-Request") is not None


def check_role(req: falcon.asgi.Request, needed: Role) -> None:
    """Raise HTTPForbidden unless the visitor has this role or a higher one; HTTPUnauthorized, HTTPSeeOther for nobody.

    The middleware calls it for each address; a resource calls it for parts that need a higher role.
    """
    visitor = roles.visitor(req)
    if visitor.may(needed):
        return
    if visitor.role is not Role.NOBODY:
        raise falcon.HTTPForbidden(
            title=f"This needs the role {needed}",
            description=f"{visitor.name} has the role {visitor.role}. An admin can grant another: `ferry users`.",
        )
    if wants_page(req) and req.method == "GET" and not by_script(req):
        raise falcon.HTTPSeeOther("/sign-in" if req.path == "/" else f"/sign-in?next={quote(req.relative_uri)}")
    raise falcon.HTTPUnauthorized(
        title="A user's token is required",
        description="Send the header 'Authorization: Bearer <token>'. `ferry users add NAME --role viewer` creates a "
        "token; FERRY_ADMIN_TOKEN is one. In a browser, sign in at /sign-in.",
        challenges=['Bearer realm="ferry console"'],
        # Reloads a page whose session has ended, which leads to the sign-in page.
        headers={"HX-Refresh": "true"} if by_script(req) else None,
    )
