"""`GET /healthz` and `GET /readyz`."""

from __future__ import annotations

import falcon
import falcon.asgi
import orjson
from redis.asyncio import Redis

from intake.readiness import checks
from queues.clock import now_ms
from queues.durability import Durability


class Health:
    """Whether the process is up, which it is when it answers."""

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Always 200."""
        resp.data = b'{"status":"up"}'


class Readiness:
    """Whether changes are taken and sent on."""

    def __init__(self, redis: Redis, asked: Durability) -> None:
        self._redis = redis
        self._asked = asked

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """200 when every check is ok, 503 otherwise; each check with what to do."""
        found = await checks(self._redis, now_ms(), self._asked)
        ready = all(check.ok for check in found)
        resp.status = falcon.HTTP_200 if ready else falcon.HTTP_503
        resp.data = orjson.dumps({"ready": ready, "checks": found})
