"""`/sign-in` and `/sign-out`."""

from __future__ import annotations

from typing import Final

import falcon
import falcon.asgi

from console import render
from console.auth.authenticate import Authenticator
from console.auth.middleware import AuthMiddleware
from console.auth.sessions import COOKIE
from console.auth.transport import way_of
from console.context import AppContext
from console.forms import form, own_path, see

#: Why nobody can sign in, with the remedy.
_NO_SESSIONS: Final = (
    "Nobody can sign in: FERRY_SECRET_KEY is not set. Set it to the same long random text on every process, and "
    "restart them. `ferry up` creates one."
)
_NO_USER: Final = (
    "Nobody can sign in: there is no user. Create one with `ferry users add NAME --role admin`, which prints the "
    "token, or set FERRY_ADMIN_TOKEN to a long random text."
)
_PLAIN: Final = (
    "Nobody can sign in over plain http: others could read the token. Use https, or http://localhost on the machine "
    "itself. A proxy that terminates TLS in front of Ferry must send the header X-Forwarded-Proto: https."
)
_WRONG: Final = (
    "This token is not valid. Tokens are case-sensitive and end when their user is removed; see `ferry users list`."
)


class SignIn:
    """The sign-in page: a field for a token, which identifies the user."""

    def __init__(self, context: AppContext, authenticator: Authenticator, middleware: AuthMiddleware) -> None:
        self._context = context
        self._authenticator = authenticator
        self._middleware = middleware

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show the form, or what must be set up first."""
        self._show(req, resp, own_path(req.get_param("next")), await self._obstacle(req))

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Begin a session and redirect to the page that was requested first."""
        given = await form(req)
        onward = own_path(given.get("next"))
        if obstacle := await self._obstacle(req):
            resp.status = falcon.HTTP_403
            self._show(req, resp, onward, obstacle)
            return
        session = await self._middleware.turn(req, self._authenticator.sign_in, given.get("token", "").strip())
        if session is None:
            resp.status = falcon.HTTP_401
            self._show(req, resp, onward, wrong=_WRONG)
            return
        self._middleware.give(req, resp, session)
        see(resp, onward)

    async def _obstacle(self, req: falcon.asgi.Request) -> str:
        if not self._authenticator.sessions.are_on:
            return _NO_SESSIONS
        if way_of(req) == "plain":
            return _PLAIN
        return "" if await self._context.run(self._authenticator.known) else _NO_USER

    def _show(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, onward: str, obstacle: str = "", wrong: str = ""
    ) -> None:
        # A link on another site comes without the cookie (SameSite=Strict); a link on this page sends it.
        from_elsewhere = req.get_header("Sec-Fetch-Site") == "cross-site"
        shown = {"onward": onward, "obstacle": obstacle, "wrong": wrong, "from_elsewhere": from_elsewhere}
        render.page(req, resp, "signin.html", **shown)


class SignOut:
    """Signs out."""

    def __init__(self, context: AppContext, authenticator: Authenticator) -> None:
        self._context = context
        self._authenticator = authenticator

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """End the session, if there is one, and redirect to the sign-in page."""
        if session := req.context.get("session"):
            await self._context.run(self._authenticator.sign_out, session)
        resp.unset_cookie(COOKIE, path="/", same_site="Strict")
        see(resp, "/sign-in")
