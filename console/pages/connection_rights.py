"""`/connections/{connection}/test`: ask Klaviyo what the key of a connection may do. Nothing is written there."""

from __future__ import annotations

from dataclasses import dataclass

import falcon.asgi

from console import render
from console.auth.roles import Role, visitor
from console.context import AppContext
from console.target import look
from klaviyo.accounts import Rights
from ops.connections.keys import Key, examine, key_or_why, titled
from ops.connections.scopes import COSTS
from ops.errors import Failed
from queues import audit


@dataclass(frozen=True, slots=True)
class KeyRights:
    """What Klaviyo said. `trouble`: why nothing is known, else empty.

    `scopes`: each with whether it is granted, None for unknown, and the effect of its absence.
    """

    account: str = ""
    scopes: tuple[tuple[str, bool | None, str], ...] = ()
    trouble: str = ""


class ConnectionTest:
    """The test of a connection's key."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, connection: str) -> None:
        """Ask Klaviyo, for seconds, and show the account and the scopes."""
        place, _ = await look(self._context, connection)
        tested = await self._context.run(_test, self._context, place.name, visitor(req).who)
        sets_keys = visitor(req).may(Role.ADMIN)
        render.page(req, resp, "connection_test.html", name=place.name, tested=tested, said=(), sets_keys=sets_keys)


def rights_of(rights: Rights) -> KeyRights:
    """Return the rights of a key as the page shows them. Pure."""
    scopes = tuple((scope, granted, COSTS[scope]) for scope, granted in rights.scopes.items())
    return KeyRights(titled(rights.account), scopes)


def _test(context: AppContext, name: str, who: str) -> KeyRights:
    audit.note(context.redis, who, "connection tested", name)
    key = key_or_why(context.redis, context.settings, name)
    if not isinstance(key, Key):
        return KeyRights(trouble=key)
    try:
        return rights_of(examine(context.redis, context.settings, key.value))
    except Failed as fault:
        return KeyRights(trouble=fault.message)
