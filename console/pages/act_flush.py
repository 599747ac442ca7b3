"""`/flush` and `/queues/…/flush`: send pending changes now, regardless of size and age."""

from __future__ import annotations

from dataclasses import replace

import falcon.asgi
from redis import Redis

from console import render
from console.auth.roles import visitor
from console.context import AppContext
from console.forms import form, own_path, see
from console.pages import act_view
from console.paging import PAGE
from console.target import Target, look
from ops import actions, status_words
from queues.census import Census, rows, take_summary
from queues.names import Queue
from scheduler.tick import policy_of


class FlushAct:
    """The flush of one queue, or of all."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **address: str) -> None:
        """Show what would be sent."""
        place, census = await self._look(address)
        figures = place.figures if place else census.totals.all
        lines = act_view.flushing(place.queues if place else census.queues, census, self._most)
        render.page(
            req,
            resp,
            "act_flush.html",
            name=place.name if place else "",
            lines=lines,
            hidden=max(0, figures.filled - len(lines)),
            changes=figures.pending,
            queues=figures.filled,
            back=own_path(req.get_param("next"), place.page if place else "/"),
            trouble=list(status_words.trouble(census)),
        )

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **address: str) -> None:
        """Request the flush."""
        place = (await look(self._context, **address))[0] if address else None
        given = await form(req)
        await self._context.run(_flush, self._context.redis, visitor(req).who, place)
        self._context.changed()
        see(resp, own_path(given.get("next"), place.page if place else "/"))

    async def _look(self, address: dict[str, str]) -> tuple[Target | None, Census]:
        if address:
            return await look(self._context, **address)
        return None, await self._context.run(_first, self._context.redis)

    def _most(self, queue: Queue) -> int:
        return policy_of(self._context.settings.connections, queue).upload_max


def _first(redis: Redis) -> Census:
    """Return the totals of all queues, and the first with pending changes."""
    shown = _filled(redis)[:PAGE]
    summary = take_summary(redis, shown)
    return replace(summary, kept=summary.totals, queues=tuple(each for each in summary.queues if each.queue in shown))


def _filled(redis: Redis) -> list[Queue]:
    """Return the queues with pending changes."""
    return sorted(Queue.parse(row.queue) for row in rows(redis) if row.figure("pending"))


def _flush(redis: Redis, who: str, place: Target | None) -> None:
    actions.flush(redis, who, _filled(redis) if place is None else [count.queue for count in place.queues])
