"""`/`: the queues, what happens next, and what is wrong."""

from __future__ import annotations

import asyncio

import falcon.asgi

from console import render
from console.auth.roles import Role, visitor
from console.auth.transport import way_of
from console.context import App, AppContext
from console.pages.last_action import SAID_MS, done
from console.pages.overview_read import OverviewData, read
from console.pages.overview_view import Overview, overview
from klaviyo.revision import RETIRED, REVISION
from queues import audit
from queues.census import Census


class OverviewPage:
    """The first page. Requests with the same census share one reading of the rest."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._of: Census | None = None
        self._shown: asyncio.Task[Overview] | None = None
        self._last: OverviewData | None = None

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show the census, at most a second old, and what belongs to it."""
        seen = await self._seen()
        who, said = visitor(req), []
        if acts := who.may(Role.OPERATOR):
            noted = await self._context.run(audit.since, self._context.redis, seen.at - SAID_MS)
            said = done(noted, who.who, seen.at)
        values = {"seen": seen, "done": said, "acts": acts, "origin": _origin(req)}
        values["installation"] = self._context.settings.installation
        values |= {"revision": REVISION, "retired": RETIRED}
        # Beside the loop: rendering 200 queues takes time, and senders wait for this loop.
        resp.text = await self._context.run(render.text, req, "overview.html", **values)
        resp.content_type = "text/html;charset=utf-8"

    async def _seen(self) -> Overview:
        census = await self._context.census()
        if self._shown is None or self._of is not census:
            self._of, self._shown = census, asyncio.create_task(self._read(census))
        # Shielded: a browser that disconnects must not cancel what others wait for.
        return await asyncio.shield(self._shown)

    async def _read(self, census: Census) -> Overview:
        context = self._context
        self._last = await context.run(read, context.redis, context.settings, census, self._last)
        return await context.run(overview, self._last)


def add_routes(app: App, context: AppContext) -> None:
    """Add the address to the app."""
    app.add_route("/", OverviewPage(context))


def _origin(req: falcon.asgi.Request) -> str:
    """Return the address of Ferry for senders, which is this browser's; TLS may end at a proxy."""
    return f"{'https' if way_of(req) == 'https' else req.scheme}://{req.netloc}"
