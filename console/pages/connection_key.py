"""`/connections/add` and `/connections/{connection}/key`: set the Klaviyo key of a connection. For admins only.

The key is typed into a password field, tested with Klaviyo before it is stored, and never shown again.
"""

from __future__ import annotations

from dataclasses import dataclass

import falcon
import falcon.asgi

from console import render
from console.auth.roles import visitor
from console.context import AppContext
from console.forms import form, see
from console.pages.connection_rights import rights_of
from console.target import look
from ops.connections import set_key
from ops.connections.keys import titled
from ops.connections.known import ELSEWHERE, WHENCE
from ops.connections.set_key import AccountUnlike, NewKey
from ops.errors import Failed, Misconfigured
from queues.connections import account_keys, accounts
from queues.connections.account_keys import LearntKey, NothingToUndo
from queues.connections.accounts import Cipher
from text.wording import moment


@dataclass(frozen=True, slots=True)
class KeyState:
    """The present key. `whence`: its origin; `elsewhere`: why it cannot be replaced here, else empty.

    `missing`: whether the connection has no key. `learnt`: a key from a message that can be undone.
    """

    whence: str = ""
    elsewhere: str = ""
    missing: bool = False
    learnt: LearntKey | None = None


class ConnectionAdd:
    """Adds a connection."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show the form; `?name=` fills in the name."""
        self._show(req, resp, req.get_param("name") or "")

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Test and store the key, and show what it may do; 400 and the form if nothing was stored."""
        given = await form(req)
        name, key = given.get("name", "").strip(), given.get("key", "").strip()
        try:
            new = await self._context.run(_add, self._context, visitor(req).who, name, key)
        except (Failed, Misconfigured) as fault:
            resp.status = falcon.HTTP_400
            self._show(req, resp, name, fault.message)
            return
        said = [f"{name} was added: account {titled(new.rights.account)}. Every process knows it within seconds."]
        shared = ", ".join(new.shared_with)
        said += [f"{shared} also uses this account: they share its lists and rate limits."] if shared else []
        _stored(self._context, req, resp, name, new, said)

    def _show(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, name: str, wrong: str = "") -> None:
        render.page(req, resp, "connection_add.html", name=name, wrong=wrong)


class ConnectionKey:
    """Replaces the key of a connection."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, connection: str) -> None:
        """Show where the key comes from, and a form where Ferry stores it."""
        place, _ = await look(self._context, connection)
        await self._show(req, resp, place.name)

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, connection: str) -> None:
        """Test and store the new key, and show what it may do; 400 and the form if the old key stays."""
        place, _ = await look(self._context, connection)
        given = await form(req)
        key, other = given.get("key", "").strip(), given.get("other_account") == "yes"
        try:
            new = await self._context.run(_rotate, self._context, visitor(req).who, place.name, key, other)
        except (Failed, Misconfigured) as fault:
            resp.status = falcon.HTTP_400
            await self._show(req, resp, place.name, fault.message, isinstance(fault, AccountUnlike))
            return
        said = [
            f"{place.name} has the new key: account {titled(new.rights.account)}. New deliveries use it.",
            "Revoke the old key in Klaviyo after a minute, when the deliveries that began with it have ended.",
        ]
        _stored(self._context, req, resp, place.name, new, said)

    async def _show(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, name: str, wrong: str = "", unlike: bool = False
    ) -> None:
        state = await self._context.run(_state, self._context, name)
        render.page(req, resp, "connection_key.html", name=name, key=state, wrong=wrong, unlike=unlike)


class KeyUndo:
    """Undoes a key that came with a message, after a question."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, connection: str) -> None:
        """Ask; 409 if there is nothing to undo."""
        place, _ = await look(self._context, connection)
        state = await self._context.run(_state, self._context, place.name)
        if state.learnt is None:
            raise _nothing(place.name)
        since = moment(state.learnt.since) if state.learnt.since else ""
        render.page(req, resp, "key_undo.html", name=place.name, learnt=state.learnt, since=since)

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, connection: str) -> None:
        """Undo it; 409 if there is nothing to undo."""
        place, _ = await look(self._context, connection)
        try:
            await self._context.run(_undo, self._context, visitor(req).who, place.name)
        except NothingToUndo:
            raise _nothing(place.name) from None
        self._context.changed()
        see(resp, "/connections")


def _nothing(name: str) -> falcon.HTTPConflict:
    return falcon.HTTPConflict(
        title="Nothing to undo",
        description=f"No key of {name} came with a message since the last one was undone. Nothing was changed.",
    )


def _stored(
    context: AppContext,
    req: falcon.asgi.Request,
    resp: falcon.asgi.Response,
    name: str,
    new: NewKey,
    said: list[str],
) -> None:
    context.changed()
    render.page(req, resp, "connection_test.html", name=name, tested=rights_of(new.rights), said=said, sets_keys=True)


def _include(context: AppContext) -> None:
    # A connection may have been added by another process just now.
    context.settings.connections.include(accounts.with_key(context.redis))


def _add(context: AppContext, who: str, name: str, key: str) -> NewKey:
    _include(context)
    return set_key.add(context.redis, context.settings, who, name, key)


def _rotate(context: AppContext, who: str, name: str, key: str, other: bool) -> NewKey:
    _include(context)
    return set_key.rotate(context.redis, context.settings, who, name, key, other)


def _undo(context: AppContext, who: str, name: str) -> None:
    _include(context)
    set_key.undo(context.redis, context.settings, who, name)


def _state(context: AppContext, name: str) -> KeyState:
    _include(context)
    known = account_keys.learnt(context.redis, name, Cipher(context.settings.secret_keys))
    learnt = known if not known.refused and (known.fingerprint or known.before) else None
    try:
        old = set_key.old_key(context.redis, context.settings, name)
    except (Failed, Misconfigured) as fault:
        return KeyState(elsewhere=fault.message, missing=True, learnt=learnt)
    if old is None:
        return KeyState("its key can no longer be decrypted", learnt=learnt)
    return KeyState(WHENCE[old.origin], ELSEWHERE.get(old.origin, ""), learnt=learnt)
