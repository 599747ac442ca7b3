"""`/sign-in` and `/sign-out`."""

from __future__ import annotations

from typing import Final

import falcon
import falcon.asgi

from console import render
from console.auth.authenticate import Authenticator
from console.auth.middleware import AuthMiddleware
from console.auth.sessions import COOKIE, Session
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
_NOT_HERE: Final = "A sign-in link works only on the machine that runs Ferry, at http://localhost. Use your token."
_USED: Final = "This link is not valid: it works once, within a minute. `ferry open` prints a new one."


class SignIn:
    """The sign-in page: a field for a token, which identifies the user, or a button for a one-time link.

    Opening the link only shows the button, because a program that previews or prefetches it must not use it up. It
    works only on this machine; a user who can make one there can also read the admin's token.
    """

    def __init__(self, context: AppContext, authenticator: Authenticator, middleware: AuthMiddleware) -> None:
        self._context = context
        self._authenticator = authenticator
        self._middleware = middleware

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show the form, the button of a link, or what must be set up first."""
        obstacle = await self._obstacle(req)
        self._show(req, resp, own_path(req.get_param("next")), obstacle, link=req.get_param("link") or "")

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Begin a session and redirect to the page that was requested first."""
        given = await form(req)
        onward = own_path(given.get("next"))
        if obstacle := await self._obstacle(req):
            resp.status = falcon.HTTP_403
            self._show(req, resp, onward, obstacle)
            return
        if "link" in given:
            session, wrong = await self._by_link(req, given["link"])
        else:
            token = given.get("token", "").strip()
            session, wrong = await self._middleware.turn(req, self._authenticator.sign_in, token), _WRONG
        if session is None:
            resp.status = falcon.HTTP_401
            self._show(req, resp, onward, wrong=wrong)
            return
        self._middleware.give(req, resp, session)
        see(resp, onward)

    async def _by_link(self, req: falcon.asgi.Request, token: str) -> tuple[Session | None, str]:
        """Return the session of a link, or None and why there is none."""
        if way_of(req) != "loopback":
            return None, _NOT_HERE
        return await self._context.run(self._authenticator.sign_in_by_link, token), _USED

    async def _obstacle(self, req: falcon.asgi.Request) -> str:
        if not self._authenticator.sessions.are_on:
            return _NO_SESSIONS
        if way_of(req) == "plain":
            return _PLAIN
        return "" if await self._context.run(self._authenticator.known) else _NO_USER

    def _show(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        onward: str,
        obstacle: str = "",
        wrong: str = "",
        link: str = "",
    ) -> None:
        # A link on another site comes without the cookie (SameSite=Strict); a link on this page sends it.
        from_elsewhere = req.get_header("Sec-Fetch-Site") == "cross-site"
        shown = {"onward": onward, "obstacle": obstacle, "wrong": wrong, "from_elsewhere": from_elsewhere, "link": link}
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
