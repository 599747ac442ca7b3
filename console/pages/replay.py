"""`/dead/replay`: send dead letters again, once somebody has seen which and how many.

The dead letters that somebody wants to send again: some by name, or all that fit a filter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import falcon
import falcon.asgi
from redis import Redis

from console import render
from console.auth.roles import visitor
from console.context import Desk
from console.forms import form, own_path, see
from console.pages.letter_filter import Filter, filter_of
from console.pages.letter_ref import Ref
from console.pages.letter_survey import Survey, fitting, survey
from console.pages.replay_view import Replay, replay
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


_TITLE: Final = "Which letters?"


@dataclass(frozen=True, slots=True)
class Choice:
    """`refs`, oldest first; without them all that `wanted` fits. `until`: ms before which those have died.

    A letter that dies after somebody was told how many there are is not among them.
    """

    refs: tuple[Ref, ...]
    wanted: Filter
    until: int

    @property
    def fields(self) -> dict[str, str]:
        """As a form brings it, read by `from_form`."""
        if self.refs:
            return {"letters": " ".join(map(str, self.refs))}
        wanted = self.wanted
        return {"queue": wanted.queue, "reason": wanted.reason, "until": str(self.until)}


def from_query(letters: Sequence[str], every: bool, param: Callable[[str], str | None], now: int) -> Choice:
    """What a link or a list of ticked letters asks for. `every`: all that fit; `now`: ms. Raises HTTPBadRequest."""
    if not letters and not every:
        raise falcon.HTTPBadRequest(title=_TITLE, description="None is ticked. Go back and tick those that you mean.")
    wanted = filter_of(param)
    return Choice(_refs(letters), wanted, wanted.until(now))


def from_form(form: dict[str, str]) -> Choice:
    """What was confirmed. Raises HTTPBadRequest."""
    letters, until = form.get("letters", "").split(), form.get("until", "")
    if not letters and not (until.isascii() and until.isdigit() and len(until) < 16):
        raise falcon.HTTPBadRequest(title=_TITLE, description="The form names none. Begin at the page of dead letters.")
    return Choice(_refs(letters), filter_of(form.get), int(until or 0))


def _refs(letters: Sequence[str]) -> tuple[Ref, ...]:
    try:
        return tuple(sorted({Ref.parse(each) for each in letters}))
    except ValueError as fault:
        raise falcon.HTTPBadRequest(title=_TITLE, description=f"{fault}.") from fault
