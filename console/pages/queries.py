"""`/queries`: the scheduled queries, one query with its runs, and the actions on it."""

from __future__ import annotations

from collections.abc import Callable

import falcon
import falcon.asgi
from redis import Redis

from configuration.queries import Query
from console import render
from console.api.queries import known_query
from console.auth.middleware import by_script
from console.auth.roles import Role, visitor
from console.context import App, AppContext
from console.forms import form, see
from console.pages.act_hold import LONGEST
from console.pages.last_action import SAID_MS, done
from ops.queries import actions
from ops.queries.documents import QueryDocument, RunDocument, query_documents, run_documents, sql_of
from queues import audit
from queues.clock import now_ms
from queues.queries import records


class QueriesPage:
    """The list of the queries."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show every query, with its next slot and its last run."""
        context, now = self._context, now_ms()
        found = await context.run(query_documents, context.redis, context.settings.queries, now)
        render.page(req, resp, "queries.html", queries=found, at=now)


class QueryPage:
    """One query and its runs."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, query: str) -> None:
        """Show when it runs and how it went; its SQL is for admins."""
        context, now = self._context, now_ms()
        wanted = known_query(context.settings, query)
        found, runs, noted = await context.run(_read, context.redis, wanted, now)
        who = visitor(req)
        shows_sql = who.may(Role.ADMIN) and not by_script(req)  # a refresh replaces only the live part
        render.page(
            req,
            resp,
            "query.html",
            query=found,
            runs=runs,
            columns=dict(wanted.columns),
            sql=await context.run(sql_of, context.settings, wanted) if shows_sql else None,
            done=done(noted, who.who, now, {query}),
            acts=who.may(Role.OPERATOR),
            longest=LONGEST,
            at=now,
        )


def _read(redis: Redis, query: Query, now: int) -> tuple[QueryDocument, list[RunDocument], list[audit.AuditEntry]]:
    (found,) = query_documents(redis, [query], now)
    return found, run_documents(redis, records.runs(redis, query.name, 25)), audit.since(redis, now - SAID_MS)


class QueryAct:
    """An action on a query, which loses nothing and so asks no question; the query's page says what came of it."""

    def __init__(self, context: AppContext, act: Callable[[Redis, str, Query, dict[str, str]], object]) -> None:
        self._context, self._act = context, act

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, query: str) -> None:
        """Carry it out."""
        wanted = known_query(self._context.settings, query)
        await self._context.run(self._act, self._context.redis, visitor(req).who, wanted, await form(req))
        see(resp, f"/queries/{query}")


def _cancel(redis: Redis, who: str, query: Query, given: dict[str, str]) -> None:
    """Cancel the run that the page showed, not one that began since."""
    run = given.get("run", "")
    if records.query_of(run) != query.name:
        raise falcon.HTTPBadRequest(title="No run", description="Reload the page of the query and cancel there.")
    actions.cancel(redis, who, query, run)


def _pause(redis: Redis, who: str, query: Query, given: dict[str, str]) -> None:
    reason = given.get("reason", "").strip()
    if not 0 < len(reason) <= LONGEST:
        raise falcon.HTTPBadRequest(title="No reason", description=f"Give the reason, in up to {LONGEST} characters.")
    actions.pause(redis, who, query, reason)


def add_routes(app: App, context: AppContext) -> None:
    """Add the pages of queries and their actions to the app."""
    app.add_route("/queries", QueriesPage(context))
    app.add_route("/queries/{query}", QueryPage(context))
    acts: dict[str, Callable[[Redis, str, Query, dict[str, str]], object]] = {
        "run": lambda redis, who, query, _: actions.order(redis, who, query),
        "cancel": _cancel,
        "pause": _pause,
        "resume": lambda redis, who, query, _: actions.resume(redis, who, query),
    }
    for name, act in acts.items():
        app.add_route(f"/queries/{{query}}/{name}", QueryAct(context, act))
