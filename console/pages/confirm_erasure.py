"""`/dead/…/confirm`: confirm that the profiles found by an erasure belong to the person."""

from __future__ import annotations

import falcon
import falcon.asgi
from redis import Redis

from console import render
from console.auth.roles import visitor
from console.context import AppContext
from console.forms import see
from console.pages.letter import gone, ref_of
from console.pages.letter_ref import LetterRef
from console.target import queue_place
from ops import actions
from ops.dead_letters.view import summary
from queues import letter_scan, undecided_erasures
from queues.dead_letters import DeadLetter


class ConfirmPage:
    """The confirmation of one letter. A letter never changes, so what was shown is what is confirmed."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **address: str) -> None:
        """Show what would be deleted."""
        ref, letter = await self._letter(**address)
        place = queue_place(await self._context.census_of(str(ref.queue)), str(ref.queue))
        seen = summary(letter, place.queues[0].name)
        stays = (await self._context.run(letter_scan.under_way, self._context.redis, [letter]))[0]
        render.page(req, resp, "confirm.html", seen=seen, ref=ref, place=place, stays=stays)

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **address: str) -> None:
        """Carry out the erasure."""
        ref, letter = await self._letter(**address)
        await self._context.run(actions.confirm, self._context.redis, visitor(req).who, letter)
        self._context.changed()
        see(resp, f"/queues/{ref.queue}")

    async def _letter(self, connection: str, kind: str, target: str, letter: str) -> tuple[LetterRef, DeadLetter]:
        ref = ref_of(f"{connection}/{kind}/{target}/{letter}")
        found = await self._context.run(_read, self._context.redis, ref)
        if found is None or found.reason != undecided_erasures.REASON:
            raise gone(ref)
        return ref, found


def _read(redis: Redis, ref: LetterRef) -> DeadLetter | None:
    found = letter_scan.some(redis, [(ref.queue, ref.id)])
    return found[0] if found else None
