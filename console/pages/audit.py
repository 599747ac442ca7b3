"""`/audit`: the audit log."""

from __future__ import annotations

from typing import Final

import falcon
import falcon.asgi

from console import render
from console.context import AppContext
from queues import audit

#: Most entries on one page.
_SHOWN: Final = 100


class AuditPage:
    """The page of the last entries; with `?before=`, of those before that one."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show a page of entries, newest first."""
        before = req.get_param("before")
        if before is not None and not audit.is_id(before):
            raise falcon.HTTPNotFound
        entries = await self._context.run(audit.read, self._context.redis, _SHOWN, before or "+")
        render.page(req, resp, "audit.html", entries=entries, more=len(entries) == _SHOWN)
