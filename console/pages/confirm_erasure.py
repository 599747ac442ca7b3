"""`/dead/…/confirm`: somebody has looked at the profiles that an erasure found, and they are the person's."""

from __future__ import annotations

import falcon
import falcon.asgi
from redis import Redis

from console import render
from console.auth.roles import visitor
from console.context import Desk
from console.forms import see
from console.pages.letter import gone, ref_of
from console.pages.letter_ref import Ref
from console.target import queue_place
from ops import actions
from ops.dead_letters.view import summary
from queues import letters, looks
from queues.dead_letters import DeadLetter


class ConfirmPage:
    """Of one letter, which never changes: what was looked at is what is confirmed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **address: str) -> None:
        """What would be deleted."""
        ref, letter = await self._letter(**address)
        place = queue_place(await self._desk.census(), str(ref.queue))
        seen = summary(letter, place.queues[0].name)
        stays = (await self._desk.run(letters.under_way, self._desk.redis, [letter]))[0]
        render.page(req, resp, "confirm.html", seen=seen, ref=ref, place=place, stays=stays)

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **address: str) -> None:
        """Carry the erasure out."""
        ref, letter = await self._letter(**address)
        await self._desk.run(actions.confirm, self._desk.redis, visitor(req).who, letter)
        self._desk.changed()
        see(resp, f"/queues/{ref.queue}")

    async def _letter(self, connection: str, kind: str, target: str, letter: str) -> tuple[Ref, DeadLetter]:
        ref = ref_of(f"{connection}/{kind}/{target}/{letter}")
        found = await self._desk.run(_read, self._desk.redis, ref)
        if found is None or found.reason != looks.REASON:
            raise gone(ref)
        return ref, found


def _read(redis: Redis, ref: Ref) -> DeadLetter | None:
    found = letters.some(redis, [(ref.queue, ref.id)])
    return found[0] if found else None
