"""`/retries`: the open batches of all queues that wait after an error, and the last uploads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import falcon.asgi
from redis import Redis

from console import render
from console.auth.roles import Role, visitor
from console.context import AppContext
from console.forms import form, own_path, page_number, see
from console.pages.last_action import SAID_MS, done
from console.paging import part_of
from console.target import queue_place
from ops import actions
from ops import status_words as words
from queues import audit
from queues import census as ledger
from queues.audit import AuditEntry
from queues.census import Census
from queues.counts import OpenBatch, QueueCount, called
from queues.history import last_batches
from queues.history.last_batches import SettledBatch

#: Most uploads listed.
_UPLOADS: Final = 10


@dataclass(frozen=True, slots=True)
class RetryLine:
    """A batch that failed. `since`: ms when it was taken; `again`: ms of the next attempt; `attempt`: its number."""

    queue: str
    name: str
    batch: str
    changes: int
    since: int
    stage: str
    trouble: str
    attempt: int
    again: int
    is_running: bool


def retries(census: Census) -> list[RetryLine]:
    """Return the batches whose last attempt failed, the oldest first; held queues have their own page. Pure."""
    free = (count for count in census.queues if not words.is_held(count, census))
    failed = ((count, batch) for count in free for batch in count.batches if words.failed(batch))
    return [_line(count, batch) for count, batch in sorted(failed, key=lambda each: each[1].taken)]


def _line(count: QueueCount, batch: OpenBatch) -> RetryLine:
    return RetryLine(
        str(count.queue),
        called(count),
        batch.id,
        batch.count,
        batch.taken,
        batch.stage,
        batch.trouble,
        batch.attempts + 1,
        batch.ring,
        batch.held,
    )


class RetriesPage:
    """The page of the batches that wait after an error."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show the batches, at most a second old, and the last uploads; `?page=` chooses."""
        census = await self._context.summary()
        found = retries(census)
        uploads, names, noted = await self._context.run(_read, self._context.redis, census.at)
        render.page(
            req,
            resp,
            "retries.html",
            lines=part_of(found, page_number(req.get_param("page"))),
            uploads=uploads,
            names=names,
            done=done(noted, visitor(req).who, census.at),
            acts=visitor(req).may(Role.OPERATOR),
            at=census.at,
        )


def _read(redis: Redis, now: int) -> tuple[list[SettledBatch], dict[str, str], list[AuditEntry]]:
    """Return the last uploads, the display names of their queues, and the last actions."""
    uploads = last_batches.last(redis, _UPLOADS, {})
    counts = ledger.count(redis, list(dict.fromkeys(each.queue for each in uploads)))
    return uploads, {str(each.queue): called(each) for each in counts}, audit.since(redis, now - SAID_MS)


class RetryAct:
    """Retries the waiting batches of one queue now."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_post(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, connection: str, kind: str, target: str
    ) -> None:
        """Enqueue them at once. It changes no order and loses nothing, so it asks no question."""
        name = f"{connection}/{kind}/{target}"
        place = queue_place(await self._context.census_of(name), name)
        given = await form(req)
        queue = place.queues[0].queue
        await self._context.run(actions.retry, self._context.redis, visitor(req).who, queue)
        self._context.changed()
        see(resp, own_path(given.get("next"), "/retries"))
