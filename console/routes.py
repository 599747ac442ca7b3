"""The console's app: its routes, and how it runs beside the intake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from falcon.routing import CompiledRouter

from configuration.settings import Settings
from console.api.dead import ConfirmApi, LetterApi, LettersApi, ReplayApi
from console.api.openapi import document
from console.api.others import AuditApi, ConnectionsApi, HoldsApi
from console.api.queries import QueriesApi, QueryApi, QueryPauseApi, QueryResumeApi, QueryRunApi, QueryRunsApi
from console.api.queues import FlushApi, HoldApi, QueueApi, QueuesApi, ReleaseApi
from console.auth.authenticate import Authenticator
from console.auth.middleware import AuthMiddleware
from console.auth.signin import SignIn, SignOut
from console.context import App, AppContext
from console.metrics import page
from console.pages import dead, overview, queries, query_run
from console.pages.act_flush import FlushAct
from console.pages.act_hold import HoldAct
from console.pages.act_release import ReleaseAct
from console.pages.alerts import AlertsPage, AlertsTest
from console.pages.audit import AuditPage
from console.pages.connection_key import ConnectionAdd, ConnectionKey, KeyUndo
from console.pages.connection_rights import ConnectionTest
from console.pages.connections import ConnectionsPage
from console.pages.holds import HoldsPage
from console.pages.person import PersonPage
from console.pages.preview import PreviewPage
from console.pages.queue import QueuePage
from console.pages.retries import RetriesPage, RetryAct
from console.pages.senders import SendersPage
from console.pages.syncs import RejectedRows, SyncsPage
from console.pages.users import UserRemoval, UserRole, UsersPage
from console.responses import Compressing, Headers, install_errors
from console.shell import ShellMiddleware
from console.static_files import Static
from intake.incoming import RequestIds
from intake.openapi.page import Document, Page

_Receive = Callable[[], Awaitable[dict[str, Any]]]
_Send = Callable[[dict[str, Any]], Awaitable[None]]
_App = Callable[[dict[str, Any], _Receive, _Send], Awaitable[None]]


def create(context: AppContext, router: CompiledRouter) -> App:
    """Return the app with every address of the console; each address needs a line in `auth.roles.ROUTES`."""
    authenticator = Authenticator(context.redis, context.settings)
    middleware = AuthMiddleware(context, authenticator)
    layers: list[Any] = [RequestIds(), middleware, ShellMiddleware(context), Headers(), Compressing()]
    app = App(middleware=layers, router=router)
    install_errors(app)
    app.add_route("/sign-in", SignIn(context, authenticator, middleware))
    app.add_route("/sign-out", SignOut(context, authenticator))
    app.add_route("/static/{name}", Static())
    add_installation_routes(app, context)
    overview.add_routes(app, context)
    add_routes(app, context)
    dead.add_routes(app, context)
    app.add_route("/person", PersonPage(context))
    page.add_routes(app, context)
    add_api_routes(app, context)
    return app


class CombinedApp:
    """The intake and the console behind one address. The console serves its own addresses, the intake all others.

    They are two apps, so that a user's token never opens the intake and messages pass through no additional code.
    """

    def __init__(self, intake: _App, context: AppContext) -> None:
        self._intake = intake
        self._context = context
        self._router = CompiledRouter()
        self._console = create(context, self._router)

    async def __call__(self, scope: dict[str, Any], receive: _Receive, send: _Send) -> None:
        """Pass an ASGI connection to the console or the intake."""
        if scope["type"] == "lifespan":
            await self._intake(scope, receive, send)
            self._context.close()
            return
        # The raw path, so that a queue's name is read as written (queues/names.py) and a target with a slash stays
        # one part.
        path = scope["raw_path"].decode("ascii", "replace")
        if self._router.find(path) or _is_lost(scope, path):
            # Falcon fails on a query that is not ASCII.
            query = scope["query_string"].decode("ascii", "ignore").encode()
            await self._console({**scope, "path": path, "query_string": query}, _later(receive), send)
        else:
            await self._intake(scope, receive, send)


def _is_lost(scope: dict[str, Any], path: str) -> bool:
    """Return whether a person in a browser asks for an address that nothing has; the console answers with a page."""
    if scope["method"] != "GET" or path.startswith("/v1/"):
        return False
    accepted = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return b"text/html" in accepted and path not in ("/healthz", "/readyz")


def _later(receive: _Receive) -> _Receive:
    """Return a `receive` whose first event is an empty part of the body.

    Falcon waits for the first part before it handles a request. This way a refused request is refused before any of
    its body is read.
    """
    first = True

    async def part() -> dict[str, Any]:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": b"", "more_body": True}
        return await receive()

    return part


def install(intake: _App, settings: Settings) -> CombinedApp:
    """Return the console beside an intake, as one app for the server."""
    return CombinedApp(intake, AppContext(settings))


_QUEUE = "/queues/{connection}/{kind}/{target}"
_CONNECTION = "/connections/{connection}"


def add_routes(app: App, context: AppContext) -> None:
    """Add the pages of queues and holds, and their actions, to the app."""
    app.add_route("/holds", HoldsPage(context))
    app.add_route("/retries", RetriesPage(context))
    app.add_route(f"{_QUEUE}/retry", RetryAct(context))
    queries.add_routes(app, context)
    query_run.add_routes(app, context)
    app.add_route("/syncs", SyncsPage(context))
    app.add_route("/syncs/{snapshot}/rejected.csv", RejectedRows(context))
    app.add_route(_QUEUE, QueuePage(context))
    app.add_route("/flush", FlushAct(context))
    app.add_route(f"{_QUEUE}/flush", FlushAct(context))
    for place in (_QUEUE, _CONNECTION):
        app.add_route(f"{place}/hold", HoldAct(context))
        app.add_route(f"{place}/release", ReleaseAct(context))


def add_installation_routes(app: App, context: AppContext) -> None:
    """Add the pages of the installation: connections, senders, alerts, users, the audit log, and the preview."""
    app.add_route("/connections", ConnectionsPage(context))
    app.add_route("/connections/add", ConnectionAdd(context))
    app.add_route(f"{_CONNECTION}/key", ConnectionKey(context))
    app.add_route(f"{_CONNECTION}/undo-key", KeyUndo(context))
    app.add_route(f"{_CONNECTION}/test", ConnectionTest(context))
    app.add_route("/senders", SendersPage(context))
    app.add_route("/alerts", AlertsPage(context))
    app.add_route("/alerts/test", AlertsTest(context))
    app.add_route("/users", UsersPage(context))
    app.add_route("/users/{user}/role", UserRole(context))
    app.add_route("/users/{user}/remove", UserRemoval(context))
    app.add_route("/audit", AuditPage(context))
    app.add_route("/preview", PreviewPage(context))


def add_api_routes(app: App, context: AppContext) -> None:
    """Add the operator's API to the app."""
    app.add_route("/v1/queues", QueuesApi(context))
    app.add_route(f"/v1{_QUEUE}", QueueApi(context))
    app.add_route("/v1/queries", QueriesApi(context))
    app.add_route("/v1/queries/{query}", QueryApi(context))
    app.add_route("/v1/queries/{query}/runs", QueryRunsApi(context))
    app.add_route("/v1/queries/{query}/run", QueryRunApi(context))
    app.add_route("/v1/queries/{query}/pause", QueryPauseApi(context))
    app.add_route("/v1/queries/{query}/resume", QueryResumeApi(context))
    app.add_route("/v1/flush", FlushApi(context))
    app.add_route(f"/v1{_QUEUE}/flush", FlushApi(context))
    for place in (_QUEUE, _CONNECTION):
        app.add_route(f"/v1{place}/hold", HoldApi(context))
        app.add_route(f"/v1{place}/release", ReleaseApi(context))
    app.add_route("/v1/holds", HoldsApi(context))
    app.add_route("/v1/connections", ConnectionsApi(context))
    app.add_route("/v1/dead", LettersApi(context))
    app.add_route("/v1/dead/{connection}/{kind}/{target}/{letter}", LetterApi(context))
    app.add_route("/v1/dead/{connection}/{kind}/{target}/{letter}/confirm", ConfirmApi(context))
    app.add_route("/v1/dead/replay", ReplayApi(context))
    app.add_route("/v1/audit", AuditApi(context))
    app.add_route("/openapi.json", Document(document))
    app.add_route("/docs", Page(document))
