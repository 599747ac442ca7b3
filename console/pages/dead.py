"""`/dead`: what could not be delivered, why, and what to do about it."""

from __future__ import annotations

from typing import Final

import falcon
import falcon.asgi
from redis import Redis

from console import render
from console.auth.roles import Role, visitor
from console.context import App, Desk
from console.pages.confirm_erasure import ConfirmPage
from console.pages.dead_view import dead
from console.pages.done import SAID_MS
from console.pages.letter import LetterPage
from console.pages.letter_filter import AGES, Filter, filter_of
from console.pages.letter_ref import Ref
from console.pages.letter_survey import Survey, survey
from console.pages.replay import ReplayPage
from console.pages.replay_view import replayed
from queues import audit
from queues.audit import Entry
from queues.census import Census

#: Letters on one page.
_SHOWN: Final = 50


def add_routes(app: App, desk: Desk) -> None:
    """Add the addresses to the app."""
    app.add_route("/dead", DeadPage(desk))
    app.add_route("/dead/replay", ReplayPage(desk))
    app.add_route("/dead/{connection}/{kind}/{target}/{letter}", LetterPage(desk))
    app.add_route("/dead/{connection}/{kind}/{target}/{letter}/confirm", ConfirmPage(desk))


class DeadPage:
    """Letters newest first, without anything of persons."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Those that the filter fits; by `?before=` those before that letter."""
        wanted, before = filter_of(req.get_param), _ref(req.get_param("before"))
        census = await self._desk.census()
        found, acts = await self._desk.run(_read, self._desk.redis, census, wanted, before)
        told, into = replayed(acts, visitor(req).who, census.at)
        render.page(
            req,
            resp,
            "dead.html",
            seen=dead(census, found, wanted),
            wanted=wanted,
            ages=AGES,
            is_first=before is None,
            replayed=told,
            into=into,
            acts=visitor(req).may(Role.OPERATOR),
        )


def _read(redis: Redis, census: Census, wanted: Filter, before: Ref | None) -> tuple[Survey, list[Entry]]:
    found = survey(redis, wanted.queues(census), wanted, wanted.until(census.at) + 1, _SHOWN, before)
    return found, audit.since(redis, census.at - SAID_MS)


def _ref(before: str | None) -> Ref | None:
    try:
        return Ref.parse(before) if before else None
    except ValueError as fault:
        raise falcon.HTTPBadRequest(title="Which page?", description=f"before: {fault}.") from fault
