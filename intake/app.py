"""The ASGI app of the intake."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

import falcon.asgi
from redis.asyncio import Redis
from redis.exceptions import RedisError

from configuration.settings import Settings
from intake import background
from intake.access.auth import Auth, Scopes
from intake.access.trusted_settings import TrustedSettings
from intake.access.uses import EVERY, Uses
from intake.audiences import Audiences
from intake.background import ConnectionWatcher, DurabilityWatcher, PeriodicTask, RefusedKeys, RoomWatcher
from intake.campaigns.routes import Campaigns
from intake.changes.routes import Changes
from intake.http import errors
from intake.http.body import RECEIVE, BodyReader
from intake.incoming import RequestIds, Services
from intake.mparticle.routes import Accounts, MParticle
from intake.openapi.document import document
from intake.openapi.page import Document, Page
from intake.readiness import Health, Readiness
from intake.segment.calls import ADDRESSES, METRICS
from intake.segment.routes import Metrics, Segment
from intake.snapshots.routes import Members
from intake.snapshots.staging import Staging
from intake.snapshots.status import Sync, Syncs
from queues import clock
from queues.connections.accounts import Cipher
from queues.group_commit import GroupCommit
from queues.senders import SenderRates
from queues.server.connection import connect_async

log = logging.getLogger(__name__)

_Receive = Callable[[], Awaitable[dict[str, Any]]]
_Send = Callable[[dict[str, Any]], Awaitable[None]]


#: Connections of a web process that are not the intake's: the console has four, the alerts one.
_BESIDE: Final = 5


class Intake(falcon.asgi.App[falcon.asgi.Request, falcon.asgi.Response]):
    """The Falcon app, with Falcon's own reading of bodies turned off.

    Falcon waits for the first part of a body before it handles the request. Here, a sender without a token is refused
    before any of its body is read, and a body that never arrives is not waited for.
    """

    def __init__(self, bodies: BodyReader, **options: Any) -> None:
        super().__init__(**options)
        self._bodies = bodies

    async def __call__(  # type: ignore[override]  # as Falcon's own
        self, scope: dict[str, Any], receive: _Receive, send: _Send
    ) -> None:
        """Handle one ASGI scope."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        scope[RECEIVE] = receive
        if not scope["query_string"].isascii():  # Falcon fails on such a query string
            scope["query_string"] = scope["query_string"].decode("ascii", "ignore").encode()
        try:
            await super().__call__(scope, _no_body, send)
        finally:
            self._bodies.release(scope)
            # The scope belongs to uvicorn's object whose method this is: only the garbage collector would free the two.
            del scope[RECEIVE]


async def _no_body() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


class _Lifespan:
    """The hooks that Falcon calls at the start and the end of the process."""

    def __init__(
        self, redis: Redis, settings: Settings, added: ConnectionWatcher, uses: Uses, lookouts: Sequence[PeriodicTask]
    ) -> None:
        self._redis = redis
        self._uses = uses
        self._settings = settings
        self._added = added
        self._lookouts = lookouts

    async def process_startup(self, _scope: dict[str, Any], _event: dict[str, Any]) -> None:
        with suppress(RedisError, OSError):
            await self._added.look()  # the first request may name any connection
        for lookout in self._lookouts:
            lookout.start()
        if not any(sender.tokens for sender in self._settings.every_sender):
            log.warning("no FERRY_TOKENS are set: every request without a signature is answered 401 until they are set")

    async def process_shutdown(self, _scope: dict[str, Any], _event: dict[str, Any]) -> None:
        for lookout in self._lookouts:
            await lookout.stop()
        await self._uses.write()
        await self._redis.aclose()


def create_app(settings: Settings) -> Intake:
    """Create the app, with one connection pool and one group commit for its process."""
    limit = settings.redis_connections
    redis = connect_async(settings.redis_url, limit and limit - _BESIDE)
    commit = GroupCommit(redis, settings.max_pending_per_queue, settings.durable)
    bodies = BodyReader(settings.trusted_proxies)
    uses = Uses(redis)
    scopes = Scopes(SenderRates(redis), uses)
    services = Services(commit, bodies, settings.connections, Audiences(), scopes)
    trusted = TrustedSettings(redis, Cipher(settings.secret_keys), uses)
    accounts = Accounts(settings.connections, scopes, trusted)
    suspended = RefusedKeys(redis)
    more = ConnectionWatcher(redis, settings.connections)
    lookouts = [
        PeriodicTask(RoomWatcher(redis, commit, settings.max_pending).look, background.ROOM_EVERY),
        PeriodicTask(suspended.look, background.KEYS_EVERY),
        PeriodicTask(more.look, background.CONNECTIONS_EVERY),
        PeriodicTask(uses.look, EVERY),
        PeriodicTask(partial(clock.follow_async, redis), background.CLOCK_EVERY),
        PeriodicTask(partial(commit.memory.look_async, redis), background.ROOM_EVERY),
    ]
    if settings.durable.waits:
        lookouts.append(PeriodicTask(DurabilityWatcher(redis, commit, settings.durable).look, background.DURABLE_EVERY))
    auth = Auth(settings.every_sender, scopes)
    app = Intake(bodies, middleware=[RequestIds(), auth, _Lifespan(redis, settings, more, uses, lookouts)])
    errors.install(app)
    app.add_route("/v1/mparticle", MParticle(redis, services, accounts, trusted, suspended.connections))
    app.add_route("/v1/changes", Changes(services))
    segment = Segment(services, auth)
    for address in ("/v1/segment", *ADDRESSES):
        app.add_route(address, segment)
    for address in METRICS:
        app.add_route(address, Metrics())
    staging = Staging(redis, commit)
    app.add_route("/v1/audiences/{audience}/members", Members(staging, bodies, settings.connections, scopes))
    syncs = "/v1/audiences/{audience}/syncs"
    app.add_route(syncs, Syncs(redis, settings.connections, scopes))
    sync = Sync(redis, settings.connections, scopes)
    app.add_route(f"{syncs}/{{snapshot}}", sync)
    app.add_route(f"{syncs}/{{snapshot}}/rejected.csv", sync, suffix="rejected")
    app.add_route("/v1/campaigns", Campaigns(redis, staging, bodies, settings.connections, scopes))
    app.add_route("/healthz", Health())
    app.add_route("/readyz", Readiness(redis, settings.durable))
    app.add_route("/openapi.json", Document(document))
    app.add_route("/docs", Page(document))
    return app
