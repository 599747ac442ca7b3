"""The gate: every request to the console passes it, is told who sends it, and is refused what ROUTES does not give."""

from __future__ import annotations

import time
from typing import Any, Final
from urllib.parse import quote

import falcon
import falcon.asgi

from console import access, csrf
from console.access import NOBODY, ROUTES, Role, Visitor
from console.desk import Desk
from console.door import Door, TooManyTries
from console.sessions import COOKIE, LASTS, RENEWED, Session
from console.transport import address, way_of

_SAFE: Final = ("GET", "HEAD")


class Gate:
    """Middleware of the console."""

    def __init__(self, desk: Desk, door: Door) -> None:
        self._desk = desk
        self._door = door

    async def process_resource(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, _resource: object, _params: dict[str, Any]
    ) -> None:
        """Refuse with 401 (a browser: to the sign-in page), 403, 404 or 405, or put the visitor into the context."""
        template = str(req.uri_template)
        needed = ROUTES.get((template, req.method))
        if needed is None:
            known = access.methods(template)
            raise falcon.HTTPMethodNotAllowed(known) if known else falcon.HTTPNotFound()
        req.context.visitor = NOBODY if needed is Role.NOBODY else await self._visitor(req, resp)
        check_role(req, needed)
        if req.method not in _SAFE:
            await csrf.check(req)

    async def _visitor(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> Visitor:
        # Whoever shows a token is not looked at for a cookie: one that is wrong must not do by chance.
        if (shown := req.get_header("Authorization")) is not None:
            return await self._bearer(shown, address(req))
        cookie = req.cookies.get(COOKIE)
        found = await self._desk.run(self._door.by_cookie, cookie) if cookie else None
        if found is None:
            return NOBODY
        visitor, session, age = found
        req.context.session = session
        # What a page asks for by itself does not keep a session alive; somebody who looks at a page does.
        if age > RENEWED and not by_script(req):
            self.give(req, resp, session)
        return visitor

    async def _bearer(self, shown: str, address_: str) -> Visitor:
        scheme, _, token = shown.partition(" ")
        if scheme.lower() != "bearer":
            return NOBODY
        try:
            return await self._desk.run(self._door.by_bearer, token.strip(), address_)
        except TooManyTries as fault:
            raise too_many() from fault

    def give(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, session: Session) -> None:
        """Put a session's cookie into an answer."""
        value = self._door.sessions.cookie(session, int(time.time()))
        secure = way_of(req) != "loopback"
        resp.set_cookie(COOKIE, value, max_age=LASTS, path="/", secure=secure, http_only=True, same_site="Strict")


def too_many() -> falcon.HTTPTooManyRequests:
    """The answer while too many wrong tokens come."""
    return falcon.HTTPTooManyRequests(
        title="Too many tries",
        description="Too many wrong tokens came within a minute. Wait a minute; `ferry` on the machine that runs it "
        "goes on working.",
        retry_after=60,
    )


def wants_page(req: falcon.asgi.Request) -> bool:
    """Whether a person waits for the answer, in a browser, and no program."""
    return "text/html" in (req.get_header("Accept") or "") and req.get_header("Authorization") is None


def by_script(req: falcon.asgi.Request) -> bool:
    """Whether a part of a page asks, by htmx, and nobody who looks at a new one."""
    return req.get_header("HX-Request") is not None


def check_role(req: falcon.asgi.Request, needed: Role) -> None:
    """Raise HTTPForbidden unless the visitor has this role or one above it; HTTPUnauthorized, HTTPSeeOther for nobody.

    The gate calls it for each address; a resource does for what it gives to fewer.
    """
    visitor = access.visitor(req)
    if visitor.may(needed):
        return
    if visitor.role is not Role.NOBODY:
        raise falcon.HTTPForbidden(
            title=f"This needs the role {needed}",
            description=f"{visitor.name} has the role {visitor.role}. Ask whoever runs Ferry for another: ferry users",
        )
    if wants_page(req) and req.method == "GET" and not by_script(req):
        raise falcon.HTTPSeeOther("/sign-in" if req.path == "/" else f"/sign-in?next={quote(req.relative_uri)}")
    raise falcon.HTTPUnauthorized(
        title="A token of a user of Ferry is needed",
        description="Send the header 'Authorization: Bearer <token>'; `ferry users add NAME --role viewer` makes one, "
        "FERRY_ADMIN_TOKEN is one. In a browser sign in at /sign-in.",
        challenges=['Bearer realm="ferry console"'],
        # A page whose session has ended is loaded anew, and so comes to the sign-in page.
        headers={"HX-Refresh": "true"} if by_script(req) else None,
    )
