"""`/v1/queries`: scheduled queries and their runs, for programs. SQL is shown to admins, and never taken."""

from __future__ import annotations

from typing import Final

import falcon
import falcon.asgi
from redis import Redis

from configuration.queries import Query, query_named
from configuration.settings import Settings
from console.api import requests, shared
from console.auth.roles import Role, visitor
from console.context import AppContext
from ops.documents.answers import (
    QueriesAnswer,
    QueryAnswer,
    QueryPausedAnswer,
    QueryResumedAnswer,
    QueryRunAnswer,
    QueryRunsAnswer,
)
from ops.queries import actions
from ops.queries.documents import RunDocument, query_documents, run_documents, sql_of
from queues.clock import now_ms
from queues.queries import records
from text.wording import moment

#: The longest Idempotency-Key.
_LONGEST: Final = 255


class QueriesApi:
    """All queries."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer with the queries, their next slots and their last runs."""
        shared.query(req, requests.NOTHING)
        now = now_ms()
        context = self._context
        found = await context.run(query_documents, context.redis, context.settings.queries, now)
        shared.answer(resp, QueriesAnswer(moment(now), found))


class QueryApi:
    """One query."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, query: str) -> None:
        """Answer with the query; its SQL is for admins."""
        shared.query(req, requests.NOTHING)
        wanted = known_query(self._context.settings, query)
        now, is_admin = now_ms(), visitor(req).may(Role.ADMIN)
        (found,) = await self._context.run(query_documents, self._context.redis, [wanted], now)
        sql = await self._context.run(sql_of, self._context.settings, wanted) if is_admin else None
        shared.answer(resp, QueryAnswer(moment(now), found, sql))


class QueryRunsApi:
    """The runs of a query."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, query: str) -> None:
        """Answer with the last runs, newest first."""
        limit = shared.query(req, requests.RUNS)["limit"]
        wanted = known_query(self._context.settings, query)
        found = await self._context.run(_runs, self._context.redis, wanted, limit)
        shared.answer(resp, QueryRunsAnswer(found))


def _runs(redis: Redis, query: Query, limit: int) -> list[RunDocument]:
    return run_documents(redis, records.runs(redis, query.name, limit))


class QueryRunApi:
    """Runs a query."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, query: str) -> None:
        """Begin a run, or answer 409 if another one has not ended. A repeated Idempotency-Key begins no second run."""
        asked = await shared.body(req, requests.RUN)
        wanted = known_query(self._context.settings, query)
        key = req.get_header("Idempotency-Key") or ""
        if len(key) > _LONGEST:
            raise falcon.HTTPBadRequest(
                title="The request is not valid", description=f"Idempotency-Key has over {_LONGEST} characters."
            )
        run, begun = await self._context.run(
            actions.order,
            self._context.redis,
            visitor(req).who,
            wanted,
            confirmed=asked["confirm"],
            reconcile=asked["reconcile"],
            key=key,
        )
        if not begun:
            raise falcon.HTTPConflict(title="Another run has not ended", description=f"{run} is queued or reading.")
        shared.answer(resp, QueryRunAnswer(run))


class QueryPauseApi:
    """Pauses the schedule of a query."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, query: str) -> None:
        """Pause it; an existing pause keeps its reason."""
        reason = (await shared.body(req, requests.HOLD))["reason"]
        wanted = known_query(self._context.settings, query)
        done = await self._context.run(actions.pause, self._context.redis, visitor(req).who, wanted, reason)
        shared.answer(resp, QueryPausedAnswer(query, done))


class QueryResumeApi:
    """Resumes the schedule of a query."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, query: str) -> None:
        """Let it run from the next slot."""
        await shared.body(req, requests.NOTHING)
        wanted = known_query(self._context.settings, query)
        done = await self._context.run(actions.resume, self._context.redis, visitor(req).who, wanted)
        shared.answer(resp, QueryResumedAnswer(query, done))


def known_query(settings: Settings, name: str) -> Query:
    """Return the query of this name. Raises HTTPNotFound."""
    found = query_named(settings.queries, name)
    if found is None:
        raise falcon.HTTPNotFound(title="No such query", description="connections.toml has no query of this name.")
    return found
