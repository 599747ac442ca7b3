"""`/audit`: the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import falcon
import falcon.asgi
from redis import Redis

from console import render
from console.context import AppContext
from console.forms import address
from ops.audit_format import counted
from queues import audit
from queues.audit import AuditEntry

#: Most entries on one page, and most that one request looks through for those that match.
_SHOWN: Final = 100
_READ: Final = 10_000


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are shown: by parts of the user, of the action and of the target. Empty: any."""

    who: str = ""
    what: str = ""
    on: str = ""

    def matches(self, entry: AuditEntry) -> bool:
        """Return whether an entry is shown."""
        return self.who in entry.who and self.what in entry.what and self.on in entry.on

    def address(self, before: str = "") -> str:
        """Return the address of the entries before that one."""
        given = {"who": self.who, "what": self.what, "on": self.on, "before": before}
        return address("/audit", given)


class AuditPage:
    """The page of the last entries; with `?before=`, of those before that one."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show a page of the entries that match, newest first."""
        before = req.get_param("before")
        if before is not None and not audit.is_id(before):
            raise falcon.HTTPNotFound
        wanted = AuditFilter(*((req.get_param(name) or "").strip() for name in ("who", "what", "on")))
        entries = await self._context.run(_matching, self._context.redis, wanted, before or "+")
        has_more = len(entries) > _SHOWN
        render.page(req, resp, "audit.html", entries=entries[:_SHOWN], more=has_more, wanted=wanted, counted=counted)


def _matching(redis: Redis, wanted: AuditFilter, before: str) -> list[AuditEntry]:
    if wanted == AuditFilter():
        return audit.read(redis, _SHOWN + 1, before)
    return [entry for entry in audit.read(redis, _READ, before) if wanted.matches(entry)][: _SHOWN + 1]
