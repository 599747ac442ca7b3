"""`/holds`: all holds, their reasons, and what ends them."""

from __future__ import annotations

import falcon.asgi
from redis import Redis

from console import render
from console.auth.roles import Role, visitor
from console.context import AppContext
from console.forms import page_number
from console.pages.holds_view import groups, ordered
from console.pages.last_action import SAID_MS, done
from console.paging import part_of
from queues import audit, holds
from queues.audit import AuditEntry


class HoldsPage:
    """The page of all holds: connections first, then queues."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show the holds, at most a second old; `?page=` chooses."""
        census = await self._context.summary()
        confirmations, acts = await self._context.run(_read, self._context.redis, census.at - SAID_MS)
        every = ordered(census, confirmations)
        part = part_of(every, page_number(req.get_param("page")))
        render.page(
            req,
            resp,
            "holds.html",
            groups=groups(census, every, part.rows),
            part=part,
            done=done(acts, visitor(req).who, census.at),
            acts=visitor(req).may(Role.OPERATOR),
            sets_keys=visitor(req).may(Role.ADMIN),
            at=census.at,
        )


def _read(redis: Redis, since: int) -> tuple[dict[str, int], list[AuditEntry]]:
    return holds.confirmations(redis), audit.since(redis, since)
