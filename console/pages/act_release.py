"""`/queues/…/release` and `/connections/…/release`: end a hold, when its cause is gone or all the same."""

from __future__ import annotations

from dataclasses import dataclass

import falcon
import falcon.asgi
from redis import Redis

from console import render
from console.auth.roles import visitor
from console.context import AppContext
from console.forms import form, own_path, see
from console.pages import act_view
from console.pages.act_view import held
from console.target import Target, look
from ops import actions
from ops.release import guarded
from ops.sync.view import lines
from queues.census import Census
from queues.names import Queue
from queues.snapshots.records import Record


@dataclass(frozen=True, slots=True)
class _Refused:
    """Why nothing was released. `still`: the cause, with the remedy. `changed`: it is not what the person looked at."""

    still: str = ""
    changed: bool = False


class ReleaseAct:
    """Of a queue or a connection."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **address: str) -> None:
        """What holds it, and what follows when that ends."""
        place, census = await look(self._context, **address)
        await self._show(req, resp, place, census, own_path(req.get_param("next"), place.page))

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **address: str) -> None:
        """End the hold that the person looked at, unless its cause is still there; with `force`, all the same."""
        place, census = await look(self._context, **address)
        given = await form(req)
        back = own_path(given.get("next"), place.page)
        if refused := await self._release(visitor(req).who, place, given):
            await self._show(req, resp, place, census, back, refused)
        else:
            see(resp, back)

    async def _release(self, who: str, place: Target, given: dict[str, str]) -> _Refused | None:
        context, is_forced = self._context, given.get("force") == "1"
        if given.get("seen", "") != _seen(place, await context.run(_snapshot, context.redis, place)):
            return _Refused(changed=True)
        ended = await context.run(
            actions.release, context.redis, context.settings, who, place.on, place.hold, is_forced
        )
        context.changed()
        return _Refused(still=ended.still) if ended.still and not is_forced else None

    async def _show(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        place: Target,
        census: Census,
        back: str,
        refused: _Refused | None = None,
    ) -> None:
        snapshot = await self._context.run(_snapshot, self._context.redis, place)
        if refused:
            resp.status = falcon.HTTP_409
        render.page(
            req,
            resp,
            "act_release.html",
            place=place,
            hold=held(str(place.on), place.hold, census.at) if place.hold else None,
            comes_to=list(act_view.releasing(place, census)),
            snapshot=snapshot.order.snapshot if snapshot else "",
            counts=list(lines(snapshot.counts, snapshot.examples)) if snapshot and snapshot.counts else [],
            connection_hold=_connection_hold(place, census),
            seen=_seen(place, snapshot),
            refused=refused or _Refused(),
            back=back,
        )


def _snapshot(redis: Redis, place: Target) -> Record | None:
    """Where the guard asks a person: for which snapshot."""
    return guarded(redis, place.on, place.hold) if isinstance(place.on, Queue) and place.hold else None


def _connection_hold(place: Target, census: Census) -> str:
    """The connection of a queue, where that is held."""
    return place.on.connection if isinstance(place.on, Queue) and place.on.connection in census.holds else ""


def _seen(place: Target, snapshot: Record | None) -> str:
    """What a person looks at before releasing: another hold, or another snapshot, must be looked at by itself."""
    return f"{place.hold.since} {snapshot.order.snapshot if snapshot else ''}".strip() if place.hold else ""
