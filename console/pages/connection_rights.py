"""`/connections/{connection}/test`: ask Klaviyo what the key of a connection may do. Nothing is written there."""

from __future__ import annotations

from dataclasses import dataclass

import falcon.asgi

from console import render
from console.auth.roles import visitor
from console.context import AppContext
from console.target import look
from ops.connections.keys import Key, examine, key_or_why, titled
from ops.errors import Failed
from queues import audit


@dataclass(frozen=True, slots=True)
class KeyRights:
    """What Klaviyo said. `scopes`: name -> granted, None for unknown. `trouble`: why nothing is known, else empty."""

    account: str = ""
    scopes: tuple[tuple[str, bool | None], ...] = ()
    trouble: str = ""


class ConnectionTest:
    """The test of a connection's key."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, connection: str) -> None:
        """Ask Klaviyo, for seconds, and show the account and the scopes."""
        place, _ = await look(self._context, connection)
        tested = await self._context.run(_test, self._context, place.name, visitor(req).who)
        render.page(req, resp, "connection_test.html", name=place.name, tested=tested)


def _test(context: AppContext, name: str, who: str) -> KeyRights:
    audit.note(context.redis, who, "connection tested", name)
    key = key_or_why(context.redis, context.settings, name)
    if not isinstance(key, Key):
        return KeyRights(trouble=key)
    try:
        rights = examine(context.redis, context.settings, key.value)
    except Failed as fault:
        return KeyRights(trouble=fault.message)
    return KeyRights(titled(rights.account), tuple(rights.scopes.items()))
