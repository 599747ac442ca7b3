"""`/queues/…/hold` and `/connections/…/hold`: stop sending, for a reason."""

from __future__ import annotations

from typing import Final

import falcon
import falcon.asgi

from console import render
from console.auth.roles import visitor
from console.context import AppContext
from console.forms import form, own_path, see
from console.pages import act_view
from console.pages.act_view import held
from console.target import Target, look
from ops import actions
from queues.census import Census

#: Most characters in a reason, so that it fits into the tables that show it.
LONGEST: Final = 200


class HoldAct:
    """The hold of a queue or a connection."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **address: str) -> None:
        """Show what would stop, and a field for the reason."""
        place, census = await look(self._context, **address)
        _show(req, resp, place, census, own_path(req.get_param("next"), place.page))

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **address: str) -> None:
        """Place the hold; an existing hold keeps its reason."""
        place, census = await look(self._context, **address)
        given = await form(req)
        reason, back = given.get("reason", "").strip(), own_path(given.get("next"), place.page)
        if not 0 < len(reason) <= LONGEST:
            resp.status = falcon.HTTP_400
            _show(req, resp, place, census, back, reason, is_wrong=True)
            return
        await self._context.run(actions.hold, self._context.redis, visitor(req).who, place.on, reason)
        self._context.changed()
        see(resp, back)


def _show(
    req: falcon.asgi.Request,
    resp: falcon.asgi.Response,
    place: Target,
    census: Census,
    back: str,
    reason: str = "",
    is_wrong: bool = False,
) -> None:
    render.page(
        req,
        resp,
        "act_hold.html",
        place=place,
        hold=held(str(place.on), place.hold, census.at) if place.hold else None,
        effects=list(act_view.holding(place)),
        back=back,
        reason=reason,
        longest=LONGEST,
        is_wrong=is_wrong,
    )
