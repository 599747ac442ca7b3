"""`/queues/{connection}/{kind}/{target}`: one queue, with its list in Klaviyo. Klaviyo is not asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import falcon.asgi
from redis import Redis

from configuration.settings import Settings
from console import render
from console.auth.middleware import by_script
from console.auth.roles import Role, Visitor, visitor
from console.context import AppContext
from console.pages import queue_view
from console.pages.connections_read import arrival_of
from console.pages.last_action import SAID_MS, done
from console.pages.queue_view import UploadLine, upload
from console.target import Target, queue_place
from ops.eta import Eta
from queues import audit
from queues.audit import AuditEntry
from queues.census import Census
from queues.connections.accounts import Cipher
from queues.history import batches
from queues.names import UNREADABLE, Queue
from queues.snapshots import orders
from scheduler.tick import policy_of
from worker.connection import destination
from worker.errors import Held
from worker.lists import remembered

#: Most uploads on one page.
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class _Read:
    """What is read besides the census.

    `goes_to`: the list in Klaviyo. `arrival`: of the pending changes. `earlier`: the batch before which the next page
    of uploads begins; None for no more.
    """

    goes_to: str
    arrival: Eta | None
    uploads: list[UploadLine]
    earlier: str | None
    acts: list[AuditEntry]


class QueuePage:
    """The page of one queue, with links to its actions."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, connection: str, kind: str, target: str
    ) -> None:
        """Show the queue and its last uploads; with `?before=`, those before that one."""
        census = await self._context.census_of(f"{connection}/{kind}/{target}")
        place = queue_place(census, f"{connection}/{kind}/{target}")
        # Live refreshes leave out the uploads: they do not change, and reading a large batch takes some 10 ms.
        before = None if by_script(req) else req.get_param("before") or ""
        read = await self._context.run(_read, self._context, census, place.queues[0].queue, before)
        values = self._page_values(visitor(req), place, census, read)
        render.page(req, resp, "queue.html", place=place, read=read, before=before, **values)

    def _page_values(self, who: Visitor, place: Target, census: Census, read: _Read) -> dict[str, Any]:
        (count,) = place.queues
        seen = queue_view.view(count, census, policy_of(self._context.settings.connections, count.queue))
        arrives = queue_view.arrives(read.arrival, count.waiting.pending, census.at)
        said = done(read.acts, who.who, census.at, {seen.id, count.queue.connection})
        return {"seen": seen, "arrives": arrives, "done": said, "acts": who.may(Role.OPERATOR)}


def _read(context: AppContext, census: Census, queue: Queue, before: str | None) -> _Read:
    redis = context.redis
    found = [] if before is None else batches.batches(redis, queue, _SHOWN + 1, before)
    shown = found[:_SHOWN]
    earlier = batches.mark(shown[-1]) if len(found) > _SHOWN else None
    return _Read(
        list_told(redis, context.settings, queue),
        arrival_of(redis, context.settings, census, queue),
        [upload(each) for each in shown],
        earlier,
        audit.since(redis, census.at - SAID_MS),
    )


def list_told(redis: Redis, known: Settings, queue: Queue) -> str:
    """Return the list that the next delivery uses (worker/lists.py); empty for none. Raises redis.RedisError."""
    audience = orders.audience_of(queue) if queue.kind == orders.KIND else queue
    if audience.kind != "audience" or audience.target == UNREADABLE:
        return ""
    try:
        to = destination(redis, known.connections, Cipher(known.secret_keys), audience)
    except Held as held:
        return f"Unknown: {held}."
    if to.list_id:
        return f"{to.list_id}, from the settings."
    if found := remembered(redis, audience, to) or to.named_by_cdp:
        return f"{found}, named {to.name}."
    return f"None yet. The first upload uses the list named {to.name}, or creates it."
