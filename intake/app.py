"""The ASGI app of the intake."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import falcon.asgi
from redis.asyncio import Redis

from intake import added, durable, errors, room, suspensions
from intake.accounts import Accounts
from intake.added import Added
from intake.audiences import Audiences
from intake.auth import Auth
from intake.body import RECEIVE, BodyReader
from intake.campaigns import Campaigns
from intake.changes import Changes
from intake.docs import Document, Page
from intake.durable import Durable
from intake.health import Health, Readiness
from intake.lookout import Lookout
from intake.mparticle import MParticle
from intake.openapi import document
from intake.request_ids import RequestIds
from intake.room import Room
from intake.segment import Segment
from intake.segment_auth import Signatures
from intake.snapshot_status import Sync, Syncs
from intake.snapshots import Members
from intake.staging import Staging
from intake.suspensions import Suspensions
from queues.accounts import Cipher
from queues.group_commit import GroupCommit
from queues.server import connect_async
from settings import Settings

log = logging.getLogger(__name__)

_Receive = Callable[[], Awaitable[dict[str, Any]]]
_Send = Callable[[dict[str, Any]], Awaitable[None]]


class Intake(falcon.asgi.App[falcon.asgi.Request, falcon.asgi.Response]):
    """Falcon, kept from the body: it waits for the first part of one before it looks at the request at all.

    So a sender without a token is refused before any of its body is read, and one that sends none is not waited for.
    """

    def __init__(self, bodies: BodyReader, **options: Any) -> None:
        super().__init__(**options)
        self._bodies = bodies

    async def __call__(  # type: ignore[override]  # as Falcon's own
        self, scope: dict[str, Any], receive: _Receive, send: _Send
    ) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        scope[RECEIVE] = receive
        if not scope["query_string"].isascii():  # Falcon breaks on it
            scope["query_string"] = scope["query_string"].decode("ascii", "ignore").encode()
        try:
            await super().__call__(scope, _no_body, send)
        finally:
            self._bodies.release(scope)


async def _no_body() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


class _Lifespan:
    """Falcon's hooks for the start and the end of the process."""

    def __init__(self, redis: Redis, settings: Settings, added: Added, lookouts: Sequence[Lookout]) -> None:
        self._redis = redis
        self._settings = settings
        self._added = added
        self._lookouts = lookouts

    async def process_startup(self, _scope: dict[str, Any], _event: dict[str, Any]) -> None:
        await self._added.look()  # before the first request may name one
        for lookout in self._lookouts:
            lookout.start()
        if not self._settings.tokens:
            log.warning("no FERRY_TOKENS are set: every sender that signs nothing is answered 401 until there are")

    async def process_shutdown(self, _scope: dict[str, Any], _event: dict[str, Any]) -> None:
        for lookout in self._lookouts:
            await lookout.stop()
        await self._redis.aclose()


def create_app(settings: Settings) -> Intake:
    """The app, with one connection pool and one group commit for its process."""
    redis = connect_async(settings.redis_url)
    commit = GroupCommit(redis, settings.max_pending_per_queue, settings.durable)
    bodies = BodyReader()
    audiences = Audiences()
    accounts = Accounts(redis, settings.connections, Cipher(settings.secret_keys))
    suspended = Suspensions(redis)
    more = Added(redis, settings.connections)
    lookouts = [
        Lookout(Room(redis, commit, settings.max_pending).look, room.EVERY),
        Lookout(suspended.look, suspensions.EVERY),
        Lookout(more.look, added.EVERY),
        Lookout(partial(commit.memory.look_async, redis), room.EVERY),
    ]
    if settings.durable.waits:
        lookouts.append(Lookout(Durable(redis, commit, settings.durable).look, durable.EVERY))
    auth = Auth(settings.tokens, signing=bool(settings.segment_secrets))
    app = Intake(bodies, middleware=[RequestIds(), auth, _Lifespan(redis, settings, more, lookouts)])
    errors.install(app)
    app.add_route("/v1/mparticle", MParticle(redis, commit, bodies, accounts, audiences, suspended))
    app.add_route("/v1/changes", Changes(commit, bodies, settings.connections, audiences))
    signatures = Signatures(settings.segment_secrets)
    app.add_route("/v1/segment", Segment(commit, bodies, settings.connections, audiences, signatures))
    staging = Staging(redis, commit)
    app.add_route("/v1/audiences/{audience}/members", Members(staging, bodies, settings.connections))
    app.add_route("/v1/audiences/{audience}/syncs", Syncs(redis, settings.connections))
    app.add_route("/v1/audiences/{audience}/syncs/{snapshot}", Sync(redis, settings.connections))
    app.add_route("/v1/campaigns", Campaigns(staging, bodies, settings.connections))
    app.add_route("/healthz", Health())
    app.add_route("/readyz", Readiness(redis, settings.durable))
    app.add_route("/openapi.json", Document(document))
    app.add_route("/docs", Page(document))
    return app
