"""`/dead`: the dead letters, their reasons, and what to do about them."""

from __future__ import annotations

from typing import Final

import falcon
import falcon.asgi
from redis import Redis

from console import render
from console.auth.roles import Role, visitor
from console.context import App, AppContext
from console.pages.confirm_erasure import ConfirmPage
from console.pages.dead_csv import DeadCsv
from console.pages.dead_view import dead
from console.pages.last_action import SAID_MS
from console.pages.letter import LetterPage
from console.pages.letter_counts import LetterCounts, count_letters
from console.pages.letter_filter import AGES, LetterFilter, filter_of
from console.pages.letter_ref import LetterRef
from console.pages.replay import ReplayPage
from console.pages.replay_view import replayed
from queues import audit
from queues.audit import AuditEntry
from queues.census import Census

#: Most letters on one page.
_SHOWN: Final = 50


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


def _read(
    redis: Redis, wanted: LetterFilter, before: LetterRef | None
) -> tuple[Census, LetterCounts, list[AuditEntry]]:
    census = wanted.read(redis)
    found = count_letters(redis, wanted.queues(census), wanted, wanted.until(census.at) + 1, _SHOWN, before)
    return census, found, audit.since(redis, census.at - SAID_MS)


def _ref(before: str | None) -> LetterRef | None:
    try:
        return LetterRef.parse(before) if before else None
    except ValueError as fault:
        raise falcon.HTTPBadRequest(title="The page is not valid", description=f"before: {fault}.") from fault
