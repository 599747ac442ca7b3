"""`/`: what is in the queues, what happens next, and what is wrong."""

from __future__ import annotations

import falcon.asgi

from console import render
from console.desk import App, Desk
from console.transport import way_of
from console.view_overview import overview
from queues import kept


class OverviewPage:
    """The first page; it only shows."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """The census, at most a second old."""
        census = await self._desk.census()
        names = {connection.name for connection in self._desk.settings.connections}
        # Those that were added at run time; the web process does not look them up by itself.
        names |= set(await self._desk.run(kept.names, self._desk.redis))
        render.page(req, resp, "overview.html", seen=overview(census, names), origin=_origin(req))


def add_routes(app: App, desk: Desk) -> None:
    """Add the address to the app."""
    app.add_route("/", OverviewPage(desk))


def _origin(req: falcon.asgi.Request) -> str:
    """Where senders reach Ferry, as this browser does; TLS may end at a proxy."""
    return f"{'https' if way_of(req) == 'https' else req.scheme}://{req.netloc}"
