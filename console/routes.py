"""The console's app, and how it stands beside the intake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from falcon.routing import CompiledRouter

from console import acts, api_routes, dead_page, errors, metrics_page, page_overview
from console.audit_page import AuditPage
from console.compressing import Compressing
from console.desk import App, Desk
from console.door import Door
from console.gate import Gate
from console.headers import Headers
from console.person_page import PersonPage
from console.signin import SignIn, SignOut
from console.static_files import Static
from intake.request_ids import RequestIds
from settings import Settings

_Receive = Callable[[], Awaitable[dict[str, Any]]]
_Send = Callable[[dict[str, Any]], Awaitable[None]]
_App = Callable[[dict[str, Any], _Receive, _Send], Awaitable[None]]


def create(desk: Desk, router: CompiledRouter) -> App:
    """The app of everything the console answers; each address needs a line in access.ROUTES."""
    door = Door(desk.redis, desk.settings)
    gate = Gate(desk, door)
    app = App(middleware=[RequestIds(), gate, Headers(), Compressing()], router=router)
    errors.install(app)
    app.add_route("/sign-in", SignIn(desk, door, gate))
    app.add_route("/sign-out", SignOut(desk, door))
    app.add_route("/static/{name}", Static())
    app.add_route("/audit", AuditPage(desk))
    page_overview.add_routes(app, desk)
    acts.add_routes(app, desk)
    dead_page.add_routes(app, desk)
    app.add_route("/person", PersonPage(desk))
    metrics_page.add_routes(app, desk)
    api_routes.add_routes(app, desk)
    return app


class Beside:
    """The intake and the console behind one address. The console takes the addresses it has, the intake the others.

    Two apps, and not one: whatever lets people in here lets nothing in there, and a message passes no more code.
    """

    def __init__(self, intake: _App, desk: Desk) -> None:
        self._intake = intake
        self._desk = desk
        self._router = CompiledRouter()
        self._console = create(desk, self._router)

    async def __call__(self, scope: dict[str, Any], receive: _Receive, send: _Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._intake(scope, receive, send)
            self._desk.close()
            return
        # The path is taken as the browser wrote it: the name of a queue stands in it as it is (queues/names.py), and a
        # target that holds a slash stays one part.
        path = scope["raw_path"].decode("ascii", "replace")
        if self._router.find(path):
            # A query that is not ASCII breaks Falcon.
            query = scope["query_string"].decode("ascii", "ignore").encode()
            await self._console({**scope, "path": path, "query_string": query}, _later(receive), send)
        else:
            await self._intake(scope, receive, send)


def _later(receive: _Receive) -> _Receive:
    """Falcon waits for the first part of a body before it looks at the request; here it gets an empty one at once.

    So what the gate refuses is refused before any of its body is read.
    """
    first = True

    async def part() -> dict[str, Any]:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": b"", "more_body": True}
        return await receive()

    return part


def install(intake: _App, settings: Settings) -> Beside:
    """The console beside an intake, as one app for the server."""
    return Beside(intake, Desk(settings))
