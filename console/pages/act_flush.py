"""`/flush` and `/queues/…/flush`: send pending changes now, regardless of size and age."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import falcon.asgi

from console import render
from console.auth.roles import visitor
from console.context import AppContext
from console.forms import form, own_path, see
from console.pages import act_view
from console.target import look
from ops import status_words
from ops.client.local import flush
from queues.census import Census
from queues.counts import QueueCount, called
from queues.names import Queue
from scheduler.tick import policy_of

#: Most queues listed.
_SHOWN: Final = 200


class FlushAct:
    """The flush of one queue, or of all."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **address: str) -> None:
        """Show what would be sent."""
        counts, census, page = await self._chosen(address)
        lines = act_view.flushing(counts, census, self._most)
        name = called(counts[0]) if address else ""
        render.page(
            req,
            resp,
            "act_flush.html",
            name=name,
            lines=lines[:_SHOWN],
            hidden=len(lines) - len(lines[:_SHOWN]),
            changes=sum(line.pending for line in lines),
            queues=len(lines),
            back=own_path(req.get_param("next"), page),
            trouble=list(status_words.trouble(census)),
        )

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **address: str) -> None:
        """Request the flush."""
        counts, census, page = await self._chosen(address)
        given = await form(req)
        queues = [count.queue for count in counts]
        await self._context.run(flush, self._context.redis, visitor(req).who, census, queues)
        self._context.changed()
        see(resp, own_path(given.get("next"), page))

    async def _chosen(self, address: dict[str, str]) -> tuple[Sequence[QueueCount], Census, str]:
        if address:
            place, census = await look(self._context, **address)
            return place.queues, census, place.page
        self._context.changed()
        census = await self._context.census()
        return [count for count in census.queues if count.waiting.pending], census, "/"

    def _most(self, queue: Queue) -> int:
        return policy_of(self._context.settings.connections, queue).upload_max
