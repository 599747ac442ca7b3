"""`/holds`: what is held, why, and what ends it."""

from __future__ import annotations

import falcon.asgi
from redis import Redis

from console import render
from console.auth.roles import Role, visitor
from console.context import Desk
from console.pages.done import SAID_MS, done
from console.pages.holds_view import lines
from console.pages.most_urgent import SHOWN
from queues import audit, holds
from queues.audit import Entry


class HoldsPage:
    """Connections first, then queues."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Every hold, at most a second old."""
        census = await self._desk.census()
        confirmations, acts = await self._desk.run(_read, self._desk.redis, census.at - SAID_MS)
        found = lines(census, confirmations)
        render.page(
            req,
            resp,
            "holds.html",
            lines=found[:SHOWN],
            hidden=len(found[SHOWN:]),
            done=done(acts, visitor(req).who, census.at),
            acts=visitor(req).may(Role.OPERATOR),
            at=census.at,
        )


def _read(redis: Redis, since: int) -> tuple[dict[str, int], list[Entry]]:
    return holds.confirmations(redis), audit.since(redis, since)
