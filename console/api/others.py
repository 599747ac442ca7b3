"""`/v1/holds`, `/v1/connections` and `/v1/audit`, for programs."""

from __future__ import annotations

import falcon.asgi
from redis import Redis

from configuration.settings import Settings
from console.api import requests, shared
from console.auth.middleware import check_role
from console.auth.roles import Role
from console.context import AppContext
from ops import audit_format, holds
from ops.connections import found as connections_found
from ops.connections.found import ConnectionDocument
from ops.documents.answers import AuditAnswer, ConnectionsAnswer, HoldsAnswer
from ops.holds import HeldDocument
from queues import audit
from queues.census import Census
from queues.connections import accounts
from queues.holds import confirmations
from text.wording import moment


class HoldsApi:
    """All holds, and what ends them."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer with the holds: connections first, then queues."""
        shared.query(req, requests.NOTHING)
        census = await self._context.summary()
        held = await self._context.run(_holds, self._context.redis, census)
        shared.answer(resp, HoldsAnswer(moment(census.at), held))


class ConnectionsApi:
    """All connections."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer with each key's origin, flush policy and hold; with `check`, also Klaviyo's verdict on the key."""
        asking = shared.query(req, requests.CONNECTIONS)["check"]
        if asking:
            check_role(req, Role.OPERATOR)
        found = await self._context.run(_connections, self._context.redis, self._context.settings, asking)
        shared.answer(resp, ConnectionsAnswer(found))


class AuditApi:
    """The audit log."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer with the last entries, newest first; with `before`, those before that one."""
        asked = shared.query(req, requests.AUDIT)
        limit = asked["limit"]
        found = await self._context.run(audit.read, self._context.redis, limit + 1, asked.get("before", "+"))
        entries = [audit_format.document(entry) for entry in found[:limit]]
        shared.answer(resp, AuditAnswer(entries, entries[-1].id if len(found) > limit else None))


def _holds(redis: Redis, census: Census) -> list[HeldDocument]:
    return [holds.document(each) for each in holds.held(census, confirmations(redis))]


def _connections(redis: Redis, known: Settings, asking: bool) -> list[ConnectionDocument]:
    # As the intake does each second, so that a connection added just now is known.
    known.connections.include(accounts.with_key(redis))
    return [connections_found.document(line) for line in connections_found.found(redis, known, asking)]
