"""`/dead/replay`: send dead letters again, once somebody has seen which and how many."""

from __future__ import annotations

from collections import Counter

import falcon
import falcon.asgi
from redis import Redis

from console import render
from console.access import visitor
from console.desk import Desk
from console.forms import form, own_path, see
from console.letter_choice import Choice, from_form, from_query
from console.letter_survey import Survey, fitting, survey
from console.view_replay import Replay, replay
from ops import actions
from queues import letters
from queues.census import Census
from queues.names import Queue


class ReplayPage:
    """What is replayed is what was confirmed: where the number is another meanwhile, it is asked again."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """What it would come to."""
        census = await self._census()
        ticked = req.get_param_as_list("letter") or []
        choice = from_query(ticked, req.get_param("all") is not None, req.get_param, census.at)
        back = own_path(req.get_param("next"), choice.wanted.address)
        await self._show(req, resp, choice, await self._seen(census, choice), back)

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Put them back."""
        given = await form(req)
        choice, census = from_form(given), await self._census()
        back = own_path(given.get("next"), choice.wanted.address)
        seen = await self._seen(census, choice)
        if given.get("confirmed") != str(seen.letters):
            resp.status = falcon.HTTP_409
            await self._show(req, resp, choice, seen, back, given.get("confirmed", ""))
            return
        await self._desk.run(_replay, self._desk.redis, visitor(req).who, choice, census)
        self._desk.changed()
        see(resp, back)

    async def _census(self) -> Census:
        self._desk.changed()
        return await self._desk.census()

    async def _seen(self, census: Census, choice: Choice) -> Replay:
        return replay(census, *await self._desk.run(_look, self._desk.redis, choice, census))

    async def _show(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        choice: Choice,
        seen: Replay,
        back: str,
        confirmed: str = "",
    ) -> None:
        gone = max(0, len(choice.refs) - seen.letters)
        shown = {"seen": seen, "gone": gone, "fields": choice.fields, "back": back, "confirmed": confirmed}
        render.page(req, resp, "replay.html", **shown)


def _look(redis: Redis, choice: Choice, census: Census) -> tuple[Survey, int]:
    """What is kept still of what is meant, and of how many letters the person is in an open batch."""
    if not choice.refs:
        return survey(redis, choice.wanted.queues(census), choice.wanted, choice.until), 0
    found = letters.some(redis, [(ref.queue, ref.id) for ref in choice.refs])
    return Survey(Counter((each.queue, each.reason) for each in found)), sum(letters.under_way(redis, found))


def _replay(redis: Redis, who: str, choice: Choice, census: Census) -> None:
    if choice.refs:
        by_queue: dict[Queue, list[str]] = {}
        for ref in choice.refs:
            by_queue.setdefault(ref.queue, []).append(ref.id)
        actions.replay(redis, who, by_queue)
        return
    # One queue after the other, for all ids of all queues are too many to hold at once.
    for count in choice.wanted.queues(census):
        actions.replay(redis, who, {count.queue: fitting(redis, count.queue, choice.wanted, choice.until)})
