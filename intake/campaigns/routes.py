"""`POST /v1/campaigns`: people in groups; Ferry makes a Klaviyo list equal to each group."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Final

import falcon
import falcon.asgi
import msgspec
from msgspec import Meta
from redis.asyncio import Redis

from configuration.connections import Connections
from configuration.senders import Sender
from intake.access.auth import Scopes, sender_of
from intake.audiences import facts
from intake.campaigns import reading
from intake.campaigns.filling import Filling, check
from intake.campaigns.reading import PlannedSnapshot
from intake.http.body import BodyReader
from intake.http.connection import connection_named
from intake.http.faults import check_query, in_thread
from intake.snapshots.staging import Staging
from intake.snapshots.status import StatusAddress, status_of
from queues.clock import now_ms
from queues.errors import Unavailable
from queues.snapshots.orders import Record
from queues.snapshots.sources import AudienceNotReady
from text.wording import plural

_JSON: Final = "application/json;charset=utf-8"


class CampaignSync(msgspec.Struct, frozen=True):
    """A list of a campaign, and the snapshot that makes the list equal to its groups."""

    group: Annotated[str | None, Meta(description="null when all groups are on one list.")]
    list: Annotated[str, Meta(description="The name of the list.")]
    snapshot: str
    members: int
    excluded: int
    status: StatusAddress


class CampaignAnswer(msgspec.Struct, frozen=True):
    """A campaign that is stored and waiting to be carried out."""

    campaign: str
    syncs: list[CampaignSync]


class Campaigns:
    """Answers a sender only after the ledger has the members of every list and the orders to carry them out."""

    def __init__(
        self, redis: Redis, staging: Staging, bodies: BodyReader, connections: Connections, scopes: Scopes
    ) -> None:
        self._redis = redis
        self._staging = staging
        self._scopes = scopes
        self._bodies = bodies
        self._connections = connections

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Take a campaign. Repeating it changes nothing; the next campaign of that name updates the same lists."""
        check_query(req)
        body = await self._bodies.read(req)
        async with self._bodies.large.turn(body):
            answer = await self._take(body, sender_of(req))
        resp.status = falcon.HTTP_202
        resp.content_type = _JSON
        resp.data = msgspec.json.encode(answer)

    async def _take(self, body: bytes, sender: Sender) -> CampaignAnswer:
        # In a thread: a hundred thousand people take seconds, and other senders must not wait.
        choose = partial(connection_named, connections=self._connections, scopes=self._scopes, sender=sender)
        planned = await in_thread(reading.read, body, choose, now_ms())
        fillings = [Filling(self._redis, each) for each in planned]
        try:
            await check(self._redis, planned)
            # All are staged before the first is submitted, so that none is carried out when there is no room for all.
            sizes = await self._stage(planned, fillings)
        except AudienceNotReady as fault:
            raise falcon.HTTPConflict(
                title="An audience cannot be used", description=f"{fault}. Nothing was accepted."
            ) from None
        await self._submit(planned, sizes)
        syncs = [_sync(each, filling) for each, filling in zip(planned, fillings, strict=True)]
        return CampaignAnswer(planned[0].order.campaign, syncs)

    async def _stage(self, planned: Sequence[PlannedSnapshot], fillings: Sequence[Filling]) -> list[int]:
        """Stage the people of all lists; return the sizes in bytes. If one fails, none is kept."""
        names = [each.order.snapshot for each in planned]
        sizes: list[int] = []
        try:
            for name, filling in zip(names, fillings, strict=True):
                sizes.append(await self._staging.stage(name, filling.pieces()))
        except Exception:
            await self._staging.drop(*names[: len(sizes)])
            raise
        return sizes

    async def _submit(self, planned: Sequence[PlannedSnapshot], sizes: Sequence[int]) -> None:
        for done, (each, size) in enumerate(zip(planned, sizes, strict=True)):
            record = Record(str(each.queue), each.order, now_ms(), size)
            try:
                await self._staging.submit(each.queue, record, facts(each.order.name, {}))
            except Unavailable as fault:
                await self._staging.drop(*(rest.order.snapshot for rest in planned[done + 1 :]))
                if not done:
                    raise
                raise Unavailable(
                    f"{plural(done, 'list was', 'lists were')} submitted, and the others not: {each.queue} is full, or "
                    "Redis does not answer. Repeat the request: it changes nothing for lists that were submitted."
                ) from fault


def _sync(planned: PlannedSnapshot, filling: Filling) -> CampaignSync:
    order = planned.order
    status = status_of(planned.queue, order.snapshot)
    return CampaignSync(order.group or None, order.list_name, order.snapshot, filling.members, filling.excluded, status)
