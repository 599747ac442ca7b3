"""`/connections`: the connections with their keys, Klaviyo's limits, and the processes of this installation."""

from __future__ import annotations

import falcon.asgi

from console import render
from console.auth.roles import Role, visitor
from console.context import AppContext
from console.forms import page_number
from console.pages.connections_read import ConnectionsData, read_connections
from console.pages.connections_view import connections, limits, limits_told
from console.pages.last_action import SAID_MS, done
from console.paging import PAGE, part_of
from klaviyo.revision import RETIRED
from ops import status_words as words
from queues import audit
from queues.audit import AuditEntry
from queues.census import Census


class ConnectionsPage:
    """The page of all connections."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show the connections, at most a second old; `?page=` chooses."""
        census = await self._context.summary()
        read, acts = await self._context.run(_read, self._context, census)
        used = limits(read)
        render.page(
            req,
            resp,
            "connections.html",
            at=census.at,
            connections=part_of(connections(read, census), page_number(req.get_param("page"))),
            unread=read.unread,
            limits=used[:PAGE],
            limits_told=limits_told(used),
            retired=RETIRED,
            scheduler=words.scheduler(census),
            scheduler_alive=census.heartbeat is not None,
            workers=words.workers(census),
            workers_alive=bool(census.workers),
            named=self._context.settings.installation,
            done=done(acts, visitor(req).who, census.at),
            acts=visitor(req).may(Role.OPERATOR),
            sets_keys=visitor(req).may(Role.ADMIN),
        )


def _read(context: AppContext, census: Census) -> tuple[ConnectionsData, list[AuditEntry]]:
    found = read_connections(context.redis, context.settings, census)
    return found, audit.since(context.redis, census.at - SAID_MS)
