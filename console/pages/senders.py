"""`/senders`: who may post to the intake, and how much each posted."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from console import render
from console.context import AppContext
from ops.sender_list import sender_document
from queues.clock import now_ms
from queues.connections.accounts import with_key


class SendersPage:
    """The page of all senders, without their tokens."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show the senders; their figures are up to a minute old."""
        render.page(req, resp, "senders.html", senders=await self._context.run(_read, self._context), at=now_ms())


def _read(context: AppContext) -> list[dict[str, Any]]:
    known = context.settings
    known.connections.include(with_key(context.redis))
    return [sender_document(context.redis, known, each) for each in known.every_sender]
