"""The addresses at which a person looks at a queue or a hold, and acts on it."""

from __future__ import annotations

from console.act_flush import FlushAct
from console.act_hold import HoldAct
from console.act_release import ReleaseAct
from console.desk import App, Desk
from console.page_holds import HoldsPage
from console.page_queue import QueuePage

_QUEUE = "/queues/{connection}/{kind}/{target}"
_CONNECTION = "/connections/{connection}"


def add_routes(app: App, desk: Desk) -> None:
    """Add the addresses to the app."""
    app.add_route("/holds", HoldsPage(desk))
    app.add_route(_QUEUE, QueuePage(desk))
    app.add_route("/flush", FlushAct(desk))
    app.add_route(f"{_QUEUE}/flush", FlushAct(desk))
    for place in (_QUEUE, _CONNECTION):
        app.add_route(f"{place}/hold", HoldAct(desk))
        app.add_route(f"{place}/release", ReleaseAct(desk))
