"""`/queues/…/release` and `/connections/…/release`: end a hold when its cause is gone, or without check."""

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
    """Why nothing was released. `still`: the cause, with the remedy. `changed`: the hold is not the one shown."""

    still: str = ""
    changed: bool = False


class ReleaseAct:
    """The release of a queue or a connection."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **address: str) -> None:
        """Show the hold, and what follows its end."""
        place, census = await look(self._context, **address)
        await self._show(req, resp, place, census, own_path(req.get_param("next"), place.page))

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **address: str) -> None:
        """End the hold that was shown, unless its cause is still there; with `force`, without that check."""
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
            effects=list(act_view.releasing(place, census)),
            snapshot=snapshot.order.snapshot if snapshot else "",
            counts=list(lines(snapshot.counts, snapshot.examples, planned=True))
            if snapshot and snapshot.counts
            else [],
            removals=snapshot.counts.removals if snapshot and snapshot.counts else 0,
            connection_hold=_connection_hold(place, census),
            seen=_seen(place, snapshot),
            refused=refused or _Refused(),
            back=back,
        )


def _snapshot(redis: Redis, place: Target) -> Record | None:
    """Return the snapshot that the guard holds; None for any other hold."""
    return guarded(redis, place.on, place.hold) if isinstance(place.on, Queue) and place.hold else None


def _connection_hold(place: Target, census: Census) -> str:
    """Return a queue's connection if that is held, else an empty string."""
    return place.on.connection if isinstance(place.on, Queue) and place.on.connection in census.holds else ""


def _seen(place: Target, snapshot: Record | None) -> str:
    """Return a mark of the hold and the snapshot shown: a different one must be reviewed before its release."""
    return f"{place.hold.since} {snapshot.order.snapshot if snapshot else ''}".strip() if place.hold else ""
