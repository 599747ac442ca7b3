"""`/audit`: who did what."""

from __future__ import annotations

from typing import Final

import falcon
import falcon.asgi

from console import render
from console.context import AppContext
from queues import audit

#: Entries on one page.
_SHOWN: Final = 100


class AuditPage:
    """The last entries, and by `?before=` those before them."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """A page of entries, newest first."""
        before = req.get_param("before")
        if before is not None and not audit.is_id(before):
            raise falcon.HTTPNotFound
        entries = await self._context.run(audit.read, self._context.redis, _SHOWN, before or "+")
        render.page(req, resp, "audit.html", entries=entries, more=len(entries) == _SHOWN)
