"""`/dead`: the dead letters, their reasons, and what to do about them; `/dead.csv`: the same as a file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import falcon
import falcon.asgi
from redis import Redis

from console import render
from console.auth.roles import Role, visitor
from console.context import App, AppContext
from console.pages.dead_view import LetterLine, dead, lines
from console.pages.last_action import SAID_MS
from console.pages.letter import ConfirmPage, LetterPage
from console.pages.letter_counts import LetterCounts, count_letters
from console.pages.letter_filter import AGES, LetterFilter, filter_of
from console.pages.letter_ref import LetterRef
from console.pages.replay import ReplayPage
from console.pages.replay_view import replayed
from console.paging import PAGE
from queues import audit
from queues.audit import AuditEntry
from queues.census import Census
from text.escaping import csv_line
from text.wording import moment

#: Most letters in one file; the filter selects others.
_IN_FILE: Final = 10_000
_HEADS: Final = ("letter", "queue", "audience", "died_at", "reason", "action", "attempts", "where")


def add_routes(app: App, context: AppContext) -> None:
    """Add the addresses to the app."""
    app.add_route("/dead", DeadPage(context))
    app.add_route("/dead.csv", DeadCsv(context))
    app.add_route("/dead/replay", ReplayPage(context))
    app.add_route("/dead/{connection}/{kind}/{target}/{letter}", LetterPage(context))
    app.add_route("/dead/{connection}/{kind}/{target}/{letter}/confirm", ConfirmPage(context))


class DeadPage:
    """The dead letters, newest first, without personal data."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show the letters that match the filter; with `?before=`, those before that letter."""
        wanted, before = filter_of(req.get_param), _ref(req.get_param("before"))
        census, found, acts = await self._context.run(_read, self._context.redis, wanted, before)
        sentence, into = replayed(acts, visitor(req).who, census.at)
        render.page(
            req,
            resp,
            "dead.html",
            seen=dead(census, found, wanted),
            wanted=wanted,
            ages=AGES,
            csv=wanted.address.replace("/dead", "/dead.csv", 1),
            is_first=before is None,
            replayed=sentence,
            into=into,
            acts=visitor(req).may(Role.OPERATOR),
        )


class DeadCsv:
    """The file of the dead letters, newest first."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer with the file. Everybody who sees the page may have it: no person is in it."""
        resp.text = await self._context.run(_csv, self._context.redis, filter_of(req.get_param))
        resp.content_type = "text/csv;charset=utf-8"
        resp.downloadable_as = "dead-letters.csv"


def _read(
    redis: Redis, wanted: LetterFilter, before: LetterRef | None
) -> tuple[Census, LetterCounts, list[AuditEntry]]:
    census = wanted.read(redis)
    found = count_letters(redis, wanted.queues(census), wanted, wanted.until(census.at) + 1, PAGE, before)
    return census, found, audit.since(redis, census.at - SAID_MS)


def _ref(before: str | None) -> LetterRef | None:
    try:
        return LetterRef.parse(before) if before else None
    except ValueError as fault:
        raise falcon.HTTPBadRequest(title="The page is not valid", description=f"before: {fault}.") from fault


def _csv(redis: Redis, wanted: LetterFilter) -> str:
    census = wanted.read(redis)
    found = count_letters(redis, wanted.queues(census), wanted, wanted.until(census.at) + 1, _IN_FILE)
    return _sheet(lines(census, found.page))


def _sheet(letters: Iterable[LetterLine]) -> str:
    """Return the letters as CSV. No cell is a formula for a spreadsheet, because names come from outside. Pure."""
    rows = (
        (each.id, each.queue, each.name, moment(each.at), each.reason, each.action, each.tries, each.where)
        for each in letters
    )
    return b"".join(csv_line(cells, safe=True) for cells in (_HEADS, *rows)).decode()
