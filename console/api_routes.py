"""The addresses of the operator's API."""

from __future__ import annotations

from console.api_dead import ConfirmApi, LetterApi, LettersApi, ReplayApi
from console.api_queues import FlushApi, HoldApi, QueueApi, QueuesApi, ReleaseApi
from console.api_told import AuditApi, ConnectionsApi, HoldsApi
from console.desk import App, Desk
from console.openapi import document
from intake.docs import Document, Page

_QUEUE = "/v1/queues/{connection}/{kind}/{target}"
_CONNECTION = "/v1/connections/{connection}"


def add_routes(app: App, desk: Desk) -> None:
    """Add the addresses to the app."""
    app.add_route("/v1/queues", QueuesApi(desk))
    app.add_route(_QUEUE, QueueApi(desk))
    app.add_route("/v1/flush", FlushApi(desk))
    app.add_route(f"{_QUEUE}/flush", FlushApi(desk))
    for place in (_QUEUE, _CONNECTION):
        app.add_route(f"{place}/hold", HoldApi(desk))
        app.add_route(f"{place}/release", ReleaseApi(desk))
    app.add_route("/v1/holds", HoldsApi(desk))
    app.add_route("/v1/connections", ConnectionsApi(desk))
    app.add_route("/v1/dead", LettersApi(desk))
    app.add_route("/v1/dead/{connection}/{kind}/{target}/{letter}", LetterApi(desk))
    app.add_route("/v1/dead/{connection}/{kind}/{target}/{letter}/confirm", ConfirmApi(desk))
    app.add_route("/v1/dead/replay", ReplayApi(desk))
    app.add_route("/v1/audit", AuditApi(desk))
    app.add_route("/openapi.json", Document(document))
    app.add_route("/docs", Page(document))
