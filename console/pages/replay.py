"""`/dead/replay`: replay dead letters, after confirmation of which and how many.

The letters are selected by name, or all those that match a filter.
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
from console.context import AppContext
from console.forms import form, own_path, see
from console.pages.letter_counts import LetterCounts, count_letters, fitting
from console.pages.letter_filter import LetterFilter, filter_of
from console.pages.letter_ref import LetterRef
from console.pages.replay_view import Replay, replay
from ops import actions
from queues import letter_scan
from queues.census import Census, take_letters
from queues.names import Queue


class ReplayPage:
    """The confirmation of a replay. If the number of letters has changed meanwhile, it asks again."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show what the replay would do."""
        census = await self._census()
        ticked = req.get_param_as_list("letter") or []
        choice = from_query(ticked, req.get_param("all") is not None, req.get_param, census.at)
        back = own_path(req.get_param("next"), choice.wanted.address)
        await self._show(req, resp, choice, await self._seen(census, choice), back)

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Put the letters back into their queues."""
        given = await form(req)
        choice, census = from_form(given), await self._census()
        back = own_path(given.get("next"), choice.wanted.address)
        seen = await self._seen(census, choice)
        if given.get("confirmed") != str(seen.letters):
            resp.status = falcon.HTTP_409
            await self._show(req, resp, choice, seen, back, given.get("confirmed", ""))
            return
        await self._context.run(_replay, self._context.redis, visitor(req).who, choice, census)
        self._context.changed()
        see(resp, back)

    async def _census(self) -> Census:
        return await self._context.run(take_letters, self._context.redis)

    async def _seen(self, census: Census, choice: ReplayChoice) -> Replay:
        return replay(census, *await self._context.run(_look, self._context.redis, choice, census))

    async def _show(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        choice: ReplayChoice,
        seen: Replay,
        back: str,
        confirmed: str = "",
    ) -> None:
        gone = max(0, len(choice.refs) - seen.letters)
        shown = {"seen": seen, "gone": gone, "fields": choice.fields, "back": back, "confirmed": confirmed}
        render.page(req, resp, "replay.html", **shown)


def _look(redis: Redis, choice: ReplayChoice, census: Census) -> tuple[LetterCounts, int]:
    """Return the selected letters that still exist, and for how many the person is in a batch in progress."""
    if not choice.refs:
        return count_letters(redis, choice.wanted.queues(census), choice.wanted, choice.until), 0
    found = letter_scan.some(redis, [(ref.queue, ref.id) for ref in choice.refs])
    return LetterCounts(Counter((each.queue, each.reason) for each in found)), sum(letter_scan.under_way(redis, found))


def _replay(redis: Redis, who: str, choice: ReplayChoice, census: Census) -> None:
    if choice.refs:
        by_queue: dict[Queue, list[str]] = {}
        for ref in choice.refs:
            by_queue.setdefault(ref.queue, []).append(ref.id)
        actions.replay(redis, who, by_queue)
        return
    # One queue after the other, because the ids of all queues may be too many for memory.
    for count in choice.wanted.queues(census):
        actions.replay(redis, who, {count.queue: fitting(redis, count.queue, choice.wanted, choice.until)})


_TITLE: Final = "The selection of letters is not valid"


@dataclass(frozen=True, slots=True)
class ReplayChoice:
    """The selected letters. `refs`: oldest first; without them, all that match `wanted` and died before `until` (ms).

    A letter that dies after the number was shown is not selected.
    """

    refs: tuple[LetterRef, ...]
    wanted: LetterFilter
    until: int

    @property
    def fields(self) -> dict[str, str]:
        """The selection as fields of a form, read by `from_form`."""
        if self.refs:
            return {"letters": " ".join(map(str, self.refs))}
        wanted = self.wanted
        return {"queue": wanted.queue, "reason": wanted.reason, "until": str(self.until)}


def from_query(letters: Sequence[str], every: bool, param: Callable[[str], str | None], now: int) -> ReplayChoice:
    """Return the selection of a link or a form. `every`: all that match; `now`: ms. Raises HTTPBadRequest."""
    if not letters and not every:
        raise falcon.HTTPBadRequest(
            title=_TITLE, description="No letter is selected. Go back and select the letters to replay."
        )
    wanted = filter_of(param)
    return ReplayChoice(_refs(letters), wanted, wanted.until(now))


def from_form(form: dict[str, str]) -> ReplayChoice:
    """Return the confirmed selection. Raises HTTPBadRequest."""
    letters, until = form.get("letters", "").split(), form.get("until", "")
    if not letters and not (until.isascii() and until.isdigit() and len(until) < 16):
        raise falcon.HTTPBadRequest(
            title=_TITLE, description="The form names no letters. Start again at the page of dead letters."
        )
    return ReplayChoice(_refs(letters), filter_of(form.get), int(until or 0))


def _refs(letters: Sequence[str]) -> tuple[LetterRef, ...]:
    try:
        return tuple(sorted({LetterRef.parse(each) for each in letters}))
    except ValueError as fault:
        raise falcon.HTTPBadRequest(title=_TITLE, description=f"{fault}.") from fault
