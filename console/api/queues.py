"""`/v1/queues`, and the actions on queues and connections, for programs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

import falcon.asgi
import msgspec
from redis import Redis

from console.api import requests, shared
from console.auth.roles import visitor
from console.context import AppContext
from console.target import look, parsed, queue_place
from ops import actions
from ops import status_words as words
from ops.actions import FlushRequests
from ops.documents.answers import (
    FlushAnswer,
    FlushedQueue,
    HoldAnswer,
    QueueAnswer,
    ReleaseAnswer,
    UploadDocument,
)
from ops.documents.ledger import CensusDocument
from ops.documents.queue import HoldDocument, QueueDocument
from ops.status_rows import RowChoice, summary
from queues import holds, queue_rows
from queues.census import Census, meant, rows, take_some, take_summary
from queues.history import batches
from queues.names import Queue
from queues.pending import all_queues
from text.wording import moment

_PARTS: Final = ("connection", "kind", "target")


class QueuesApi:
    """All queues and processes."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer with the census, at most a second old; with `state` or `limit`, with some queues after `after`."""
        asked = shared.query(req, requests.QUEUES)
        is_status, sort, named = asked.pop("status"), asked.pop("sort"), asked.pop("named")
        # Beside the loop: with thousands of queues it takes long enough to delay senders.
        if is_status:
            choice = RowChoice(asked["state"], sort, asked["limit"])
            found = await self._context.run(_status, self._context.redis, choice)
        elif named is not None:
            found = await self._context.run(_named, self._context.redis, named)
        elif asked["limit"] is None and asked["state"] is None:
            found = await self._context.run(_document, await self._context.census())
        else:
            found = await self._context.run(_page, self._context.redis, **asked)
        shared.answer(resp, found)


class QueueApi:
    """One queue."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, connection: str, kind: str, target: str
    ) -> None:
        """Answer with the queue and its last uploads, newest first; with `before`, those before that one."""
        asked = shared.query(req, requests.UPLOADS)
        census = await self._context.census_of(f"{connection}/{kind}/{target}")
        (count,) = queue_place(census, f"{connection}/{kind}/{target}").queues
        uploads, more = await self._context.run(_uploads, self._context.redis, count.queue, **asked)
        hold = census.holds.get(count.queue.connection)
        held = HoldDocument.of(hold) if hold else None
        shared.answer(resp, QueueAnswer(moment(census.at), QueueDocument.of(count), held, uploads, more))


class FlushApi:
    """Flushes queues: sends their pending changes now."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **address: str) -> None:
        """Flush the queue in the address, those in the body, or all."""
        asked_for = await shared.body(req, requests.NOTHING if address else requests.FLUSH)
        names = ["/".join(address[part] for part in _PARTS)] if address else asked_for.get("queues")
        asked = await self._context.run(_flush, self._context.redis, visitor(req).who, names)
        self._context.changed()
        queues = [
            FlushedQueue(str(each.queue), each.asked, each.upto, moment(each.launches_at)) for each in asked.flushes
        ]
        shared.answer(resp, FlushAnswer(moment(asked.at), queues))


class HoldApi:
    """Holds a queue or a connection."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **address: str) -> None:
        """Place the hold; an existing hold keeps its reason."""
        reason = (await shared.body(req, requests.HOLD))["reason"]
        place, _ = await look(self._context, **address)
        placed = await self._context.run(actions.hold, self._context.redis, visitor(req).who, place.on, reason)
        self._context.changed()
        shared.answer(resp, HoldAnswer(str(place.on), placed))


class ReleaseApi:
    """Releases a queue or a connection."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **address: str) -> None:
        """End the hold, or answer 409 if its cause is still there; `force` ends it anyway."""
        force = (await shared.body(req, requests.RELEASE))["force"]
        place, _ = await look(self._context, **address)
        context, who = self._context, visitor(req).who
        ended = await context.run(actions.release, context.redis, context.settings, who, place.on, place.hold, force)
        context.changed()
        if ended.still and not force:
            raise falcon.HTTPConflict(title="The cause is still there; force ends the hold", description=ended.still)
        shared.answer(resp, ReleaseAnswer(str(place.on), ended.done, ended.still, ended.confirmed))


def _status(redis: Redis, choice: RowChoice) -> CensusDocument:
    return _document(summary(redis, choice))


def _named(redis: Redis, name: str) -> CensusDocument:
    return _only(redis, {each.queue for each in meant(redis, name)})


def _page(redis: Redis, state: str | None, limit: int | None, after: str = "") -> CensusDocument:
    most = None if limit is None else limit + 1
    page = queue_rows.page(redis, most, after) if state is None and most else _in_state(redis, state, after)[:most]
    more = str(page[limit - 1]) if limit is not None and len(page) > limit else None
    return msgspec.structs.replace(_only(redis, set(page[:limit])), next=more)


def _only(redis: Redis, wanted: Collection[Queue]) -> CensusDocument:
    """Return the totals of all queues, and of the queues only these."""
    census = take_summary(redis, wanted)
    shown = tuple(count for count in census.queues if count.queue in wanted)
    return _document(replace(census, queues=shown, kept=census.totals))


def _in_state(redis: Redis, state: str | None, after: str) -> list[Queue]:
    """Return the queues in a state by their names in addresses, after one of them."""
    held, last = holds.of_connections(redis), after.encode()
    found = (row for row in rows(redis) if row.stored_queue > last and state == words.state_of(row, held))
    return [Queue.parse(row.queue) for row in sorted(found, key=lambda row: row.stored_queue)]


def _document(census: Census) -> CensusDocument:
    return CensusDocument.of(census)


def _flush(redis: Redis, who: str, names: list[str] | None) -> FlushRequests:
    """Flush the queues of these names; without names, all. Raises HTTPNotFound, before it flushes any."""
    if names is None:
        return actions.flush(redis, who, all_queues(redis))
    census = take_some(redis, [parsed(name) for name in names])
    return actions.flush(redis, who, [count.queue for name in names for count in queue_place(census, name).queues])


def _uploads(redis: Redis, queue: Queue, limit: int, before: str) -> tuple[list[UploadDocument], str | None]:
    found = batches.batches(redis, queue, limit + 1, before)
    more = batches.mark(found[limit - 1]) if len(found) > limit else None
    return [UploadDocument.of(each) for each in found[:limit]], more
