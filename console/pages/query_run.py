"""`/queries/{query}/runs/{run}`: one run of a query, its figures, whom it changed, and the rows that cannot be sent.

`…/people.csv`: the people with their addresses, for admins.
"""

from __future__ import annotations

from typing import Any, Final

import falcon
import falcon.asgi
from redis import Redis

from configuration.queries import Query
from configuration.settings import Settings
from console import render
from console.api.queries import known_query
from console.auth.middleware import by_script
from console.auth.roles import Role, Visitor, visitor
from console.context import App, AppContext
from console.forms import form, page_number
from console.pages import query_run_view as views
from console.pages.query_run_view import RunKind, RunList
from console.paging import part_of
from ops.explain.gather import query_in
from ops.queries import people
from ops.queries.documents import RunDocument, run_documents
from ops.queries.view import left_out_lines, run_lines
from ops.sync.view import is_planned, remarks
from queues import audit
from queues.clock import now_ms
from queues.names import Queue
from queues.queries import records
from queues.snapshots import orders, outcomes
from queues.snapshots.records import Record

#: Earlier runs that are looked at for one to compare with.
_EARLIER: Final = 10


class QueryRunPage:
    """One run of a query; `?kind=` and `?page=` choose the people or rows that are listed."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, query: str, run: str) -> None:
        """Show what it read, whom it changed, and what became of its changes."""
        await self._show(req, resp, query, run)

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, query: str, run: str) -> None:
        """Show also whether it changed the person in the form, which is posted so that no URL has an address."""
        await self._show(req, resp, query, run, (await form(req)).get("person", "").strip())

    async def _show(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, query: str, run: str, person: str = ""
    ) -> None:
        context, who = self._context, visitor(req)
        wanted = known_query(context.settings, query)
        shown, before, record = await context.run(_read, context.redis, wanted, run)
        kind, page = views.chosen(req.get_param("kind")), page_number(req.get_param("page"))
        listed, found = None, ""
        if record and record.counts and not by_script(req):  # a refresh shows the figures only: the people take longer
            listed = await context.run(_list, context.redis, shown, record, kind, page, who)
        if record and person:
            found = await context.run(_look_up, context.redis, context.settings, record, person, who)
        render.page(
            req,
            resp,
            "query_run.html",
            **_figures(shown, before, record),
            kind=kind,
            listed=listed,
            found=found,
            sees_people=who.may(Role.ADMIN),
            held_at=f"/queues/{orders.queue_of(wanted.connection, query)}/release",
            acts=who.may(Role.OPERATOR),
            at=now_ms(),
        )


def _figures(run: RunDocument, before: RunDocument | None, record: Record | None) -> dict[str, Any]:
    """Return what the page shows of a run besides the chosen list. Pure."""
    tabs = views.tabs(run, record)
    lines = [*run_lines(run), *(remarks(record) if record else ()), *(() if tabs else left_out_lines(run))]
    return {"run": run, "before": before, "lines": lines, "equations": views.equations(run), "tabs": tabs}


class QueryRunPeople:
    """The people whom a run changed in one way, as CSV."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, query: str, run: str) -> None:
        """Answer with the file; `?kind=` is added, changed or removed."""
        context, kind = self._context, req.get_param("kind") or ""
        wanted = known_query(context.settings, query)
        _, _, record = await context.run(_read, context.redis, wanted, run)
        if record is None or kind not in people.ACTIONS:
            raise falcon.HTTPNotFound(title="No such list", description="A run has the lists added, changed, removed.")
        resp.content_type = "text/csv;charset=utf-8"
        resp.downloadable_as = f"{kind}-{run}.csv"
        resp.data = await context.run(_csv, context.redis, record, kind, visitor(req))


def _read(redis: Redis, query: Query, run_id: str) -> tuple[RunDocument, RunDocument | None, Record | None]:
    """Return the run, the run before it with counts, and the record of its snapshot. Raises HTTPNotFound."""
    runs = records.runs(redis, query.name)
    place = next((place for place, run in enumerate(runs) if run.id == run_id), None)
    if place is None:
        raise falcon.HTTPNotFound(title="No such run", description="It is not known, or ended over 30 days ago.")
    shown, *earlier = run_documents(redis, runs[place : place + _EARLIER])
    before = next((each for each in earlier if each.counts), None)
    return shown, before, outcomes.record(redis, shown.snapshot) if shown.snapshot else None


def _list(redis: Redis, run: RunDocument, record: Record, kind: RunKind, page: int, who: Visitor) -> RunList:
    """Return a page of the chosen list; an admin who sees people is noted."""
    if kind == "rejected":
        return views.rejected_list(record, outcomes.rejected(redis, record.order.snapshot), page)
    if kind == "left_out":
        return views.left_out_list(run, record, page)
    part = part_of(people.kept_people(redis, record, kind), page)
    named = people.named(redis, record, part.rows)
    if personal := who.may(Role.ADMIN):
        _note(redis, who, record, named)
    return views.people_list(record, kind, part, named, personal=personal)


def _csv(redis: Redis, record: Record, kind: str, who: Visitor) -> bytes:
    named = people.named(redis, record, people.kept_people(redis, record, kind))
    _note(redis, who, record, named)
    return people.people_csv(named, personal=True)


def _note(redis: Redis, who: Visitor, record: Record, named: list[people.ChangedPerson]) -> None:
    if seen := sum(bool(each.identity) for each in named):
        audit.note(redis, who.who, "persons read", orders.audience_of(Queue.parse(record.queue)), persons=seen)


def _look_up(redis: Redis, known: Settings, record: Record, given: str, who: Visitor) -> str:
    """Return what the run did to a person."""
    audience = orders.audience_of(Queue.parse(record.queue))
    changes = people.changes_of(redis, record, query_in(redis, known, audience, given).members)
    audit.note(redis, who.who, "story", audience)  # without the person
    kept = {kind: len(people.kept_people(redis, record, kind)) for kind in people.ACTIONS}
    is_complete = all(number >= people.total(record, kind) for kind, number in kept.items())
    planned = is_planned(record.state, record.outcomes)
    return views.looked_up(changes, is_complete=is_complete, planned=planned)


def add_routes(app: App, context: AppContext) -> None:
    """Add the page of a run and its file to the app."""
    app.add_route("/queries/{query}/runs/{run}", QueryRunPage(context))
    app.add_route("/queries/{query}/runs/{run}/people.csv", QueryRunPeople(context))
