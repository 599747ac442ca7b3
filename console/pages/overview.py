"""`/`: whether Ferry delivers, why not, and all queues."""

from __future__ import annotations

import asyncio

import falcon.asgi
from redis import Redis

from console import render
from console.auth.middleware import by_script
from console.auth.roles import Role, visitor
from console.auth.transport import way_of
from console.context import App, AppContext
from console.pages import overview_read
from console.pages.last_action import SAID_MS, done
from console.pages.overview_view import Overview, overview
from console.pages.queue_filter import queue_filter
from console.pages.queue_table import QueueTable, read_table
from queues import audit
from queues.census import Census
from queues.history import hours


class OverviewPage:
    """The first page. Requests with the same census share one reading of everything but the table."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._of: Census | None = None
        self._shown: asyncio.Task[Overview] | None = None

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show the census, at most a second old, and the page of queues that the address asks for."""
        census, seen = await self._seen()
        wanted, who, said = queue_filter(req.get_param), visitor(req), []
        if (acts := who.may(Role.OPERATOR)) and not by_script(req):
            noted = await self._context.run(audit.since, self._context.redis, seen.at - SAID_MS)
            said = done(noted, who.who, seen.at)
        found = await self._context.run(read_table, self._context.redis, census, wanted)
        values = {"seen": seen, "done": said, "acts": acts, "origin": _origin(req), "wanted": wanted, "table": found}
        values["delivered"] = await self._context.run(_delivered, self._context.redis, found, census.at)
        # Beside the loop: rendering takes time, and senders wait for this loop.
        resp.text = await self._context.run(render.text, req, "overview.html", **values)
        resp.content_type = "text/html;charset=utf-8"

    async def _seen(self) -> tuple[Census, Overview]:
        census = await self._context.summary()
        if self._shown is None or self._of is not census:
            self._of, self._shown = census, asyncio.create_task(self._read(census))
        # Shielded: a browser that disconnects must not cancel what others wait for.
        return census, await asyncio.shield(self._shown)

    async def _read(self, census: Census) -> Overview:
        context = self._context
        reading = await context.run(overview_read.read, context.redis, context.settings, census)
        return await context.run(overview, reading)


def _delivered(redis: Redis, found: QueueTable, now: int) -> dict[str, int]:
    """Return the changes delivered within 24 hours by the id of a row, without rows that delivered none."""
    read = hours.of_queues(redis, [count.queue for count in found.counts], now)
    return {str(queue): sum(hour.delivered for hour in day) for queue, day in read.items()}


def add_routes(app: App, context: AppContext) -> None:
    """Add the address to the app."""
    app.add_route("/", OverviewPage(context))


def _origin(req: falcon.asgi.Request) -> str:
    """Return the address of Ferry for senders, which is this browser's; TLS may end at a proxy."""
    return f"{'https' if way_of(req) == 'https' else req.scheme}://{req.netloc}"
