"""`GET /v1/audiences/{audience}/syncs`, `.../syncs/{snapshot}` and `.../rejected.csv`: the state of snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final, cast
from urllib.parse import quote, urlencode

import falcon
import falcon.asgi
import msgspec
from msgspec import Meta
from redis.asyncio import Redis
from redis.exceptions import RedisError

from configuration.connections import DEFAULT, Connection, Connections
from intake.access.auth import Scopes
from intake.http import faults
from intake.http.connection import resolve_connection
from intake.http.limits import AUDIENCE_ID
from intake.openapi.schemas import Schema, answers
from queues import keys
from queues.errors import Unavailable
from queues.names import Queue
from queues.snapshots import outcomes
from queues.snapshots.orders import Counts, Record, SnapshotOrder, queue_of
from queues.snapshots.records import ColumnUse, Outcomes
from snapshots.rejected_rows import rejected_csv

_JSON: Final = "application/json;charset=utf-8"
_encode = msgspec.json.Encoder().encode


class SnapshotsAnswer(msgspec.Struct, frozen=True):
    """The last snapshots of an audience, the newest first."""

    syncs: list[Record]


def queue_for(connection: Connection, audience: str) -> Queue:
    """Return the queue of an audience's snapshots. Raises HTTPBadRequest for an invalid audience id."""
    if not 0 < len(audience) <= AUDIENCE_ID:
        raise faults.bad_request(f"the audience in the address: empty, or longer than {AUDIENCE_ID} characters")
    return queue_of(connection.name, audience)


#: The address of a snapshot's state.
StatusAddress = Annotated[
    str,
    Meta(
        description="The address of the snapshot's state.",
        examples=["/v1/audiences/42/syncs/07-5f0c2b8e9d3a4f6b8c1d2e3f4a5b6c7d"],
    ),
]


def status_of(queue: Queue, snapshot_id: str) -> str:
    """Return the address of the state of a snapshot of this queue."""
    named = "" if queue.connection == DEFAULT else "?" + urlencode({"connection": queue.connection})
    return f"/v1/audiences/{quote(queue.target, safe=':')}/syncs/{snapshot_id}{named}"


class Syncs:
    """Answers with the last snapshots of an audience."""

    def __init__(self, redis: Redis, connections: Connections, scopes: Scopes) -> None:
        self._redis = redis
        self._scopes = scopes
        self._connections = connections

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, audience: str) -> None:
        """Answer with the newest first; the list is empty for an audience without snapshots."""
        queue = queue_for(resolve_connection(req, self._connections, self._scopes), audience)
        with unavailable():
            ids = cast("list[bytes]", await self._redis.zrevrange(keys.queue(queue, "syncs"), 0, -1))
            found = await _records(self._redis, queue, [each.decode() for each in ids])
        resp.content_type = _JSON
        resp.data = _encode(SnapshotsAnswer(found))


class Sync:
    """Answers with one snapshot, or with its rows that cannot be sent, as CSV."""

    def __init__(self, redis: Redis, connections: Connections, scopes: Scopes) -> None:
        self._redis = redis
        self._scopes = scopes
        self._connections = connections

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, audience: str, snapshot: str) -> None:
        """Answer with the current or final state of the snapshot."""
        queue = queue_for(resolve_connection(req, self._connections, self._scopes), audience)
        resp.content_type = _JSON
        resp.data = _encode(await _record(self._redis, queue, snapshot))

    async def on_get_rejected(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, audience: str, snapshot: str
    ) -> None:
        """Answer with the numbers and reasons; the file ends with how many more there are."""
        queue = queue_for(resolve_connection(req, self._connections, self._scopes), audience)
        record = await _record(self._redis, queue, snapshot)
        if record.counts is None:
            raise falcon.HTTPNotFound(title="Not read yet", description=f"The snapshot is {record.state}: {_NO_ROWS}.")
        with unavailable():
            rows = await outcomes.rejected_async(self._redis, snapshot)
        resp.content_type = "text/csv;charset=utf-8"
        resp.downloadable_as = f"rejected-{snapshot}.csv"
        resp.text = rejected_csv(record.counts, rows)


_NO_ROWS: Final = "its rows are known once it is compared with the list"


async def _record(redis: Redis, queue: Queue, snapshot: str) -> Record:
    """Return the record of a snapshot of this queue. Raises HTTPNotFound, Unavailable."""
    try:
        keys.snapshot(snapshot)
        with unavailable():
            found = await _records(redis, queue, [snapshot])
    except ValueError:
        found = []
    if not found or found[0].queue != str(queue):
        raise falcon.HTTPNotFound(
            title="No such snapshot",
            description=f"The audience in connection {queue.connection} has no snapshot of that id, or it ended "
            "long ago. The address without the id lists its snapshots; ?connection= names another connection.",
        )
    return found[0]


async def _records(redis: Redis, queue: Queue, ids: list[str]) -> list[Record]:
    async with redis.pipeline(transaction=False) as pipe:
        outcomes.ask(pipe, queue, ids)
        return outcomes.answer(await pipe.execute())


@contextmanager
def unavailable() -> Iterator[None]:
    """Raise Unavailable for every error of Redis or its connection."""
    try:
        yield
    except (RedisError, OSError) as fault:
        raise Unavailable from fault


_ID: Final[Schema] = {"type": ["string", "integer", "null"]}
_MEMBER: Final[Schema] = {
    "type": "object",
    "description": "Needs at least one of email, phone and external_id; one without is counted as shrink.",
    "properties": {
        "email": {"description": "One address, or an array of one customer's addresses: then each is one person."},
        "phone": _ID,
        "external_id": _ID,
        "attributes": {"type": ["object", "null"], "description": "Attributes may also be top-level fields."},
    },
    "example": {"email": "ann@example.com", "first_name": "Ann", "plan": "gold"},
}


def schemas() -> Schema:
    """Return the schemas of snapshots for the OpenAPI document."""
    found = answers(
        Snapshot=Record,
        SnapshotOrder=SnapshotOrder,
        SnapshotCounts=Counts,
        SnapshotColumn=ColumnUse,
        SnapshotOutcomes=Outcomes,
        Snapshots=SnapshotsAnswer,
    )
    return {"SnapshotMember": _MEMBER} | found
