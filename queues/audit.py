"""The audit log: a stream of who did what to the queues and when, without personal data."""

from __future__ import annotations

import logging
import re
from typing import Any, Final, cast

import msgspec
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import OutOfMemoryError

from queues import keys

log = logging.getLogger(__name__)

#: Approximate number of entries kept.
KEPT: Final = 10_000
DONE: Final = "done"
_NOT_NOTED: Final = "the audit log has no entry of %s for %s on %s, because Redis is full"
_ID: Final = re.compile(r"[0-9]{1,15}-[0-9]{1,15}")


class AuditEntry(msgspec.Struct, frozen=True):
    """An entry of the audit log. `id`: in the stream. `at`: ms, by the server's clock.

    `who`: `web:ann`, `api:ann`, `cli:<os user>`, `sender:<name>`. `what`: flush, hold, release, replay, purge,
    sign-in and so on. `on`: a queue, a connection, a user's name, or empty. `counts`: changes, letters and so on.
    """

    id: str
    at: int
    who: str
    what: str
    on: str
    outcome: str
    counts: dict[str, int]


def note(redis: Redis, who: str, what: str, on: object = "", outcome: str = DONE, **counts: int) -> None:
    """Record a completed action. Raises redis.RedisError.

    Does not raise when the memory is full: an action that drains the queues must not be reported as failed.
    """
    try:
        redis.xadd(keys.AUDIT, _fields(who, what, on, outcome, counts), maxlen=KEPT, approximate=True)
    except OutOfMemoryError:
        log.warning(_NOT_NOTED, who, what, on or "nothing")


async def note_async(redis: AsyncRedis, who: str, what: str, on: object = "", outcome: str = DONE) -> None:
    """Record what a sender's message did, as `note` does. Raises redis.RedisError."""
    try:
        await redis.xadd(keys.AUDIT, _fields(who, what, on, outcome, {}), maxlen=KEPT, approximate=True)
    except OutOfMemoryError:
        log.warning(_NOT_NOTED, who, what, on or "nothing")


def _fields(who: str, what: str, on: object, outcome: str, counts: dict[str, int]) -> Any:
    return {"who": who, "what": what, "on": str(on), "outcome": outcome, "counts": msgspec.json.encode(counts)}


def is_id(text: str) -> bool:
    """Return whether a text has the form of an entry's id."""
    return _ID.fullmatch(text) is not None


def read(redis: Redis, limit: int, before: str = "+") -> list[AuditEntry]:
    """Return the last `limit` entries, newest first; only those before the entry with the id `before` if given."""
    newest = before if before == "+" else f"({before}"
    found = cast("list[tuple[bytes, dict[bytes, bytes]]]", redis.xrevrange(keys.AUDIT, newest, "-", count=limit))
    return [_entry(entry_id.decode(), fields) for entry_id, fields in found]


def since(redis: Redis, at: int) -> list[AuditEntry]:
    """Return the entries from `at` (ms) on, newest first. Raises redis.RedisError."""
    found = cast("list[tuple[bytes, dict[bytes, bytes]]]", redis.xrevrange(keys.AUDIT, "+", str(at)))
    return [_entry(entry_id.decode(), fields) for entry_id, fields in found]


def _entry(entry_id: str, fields: dict[bytes, bytes]) -> AuditEntry:
    who, what, on, outcome = (fields[name].decode() for name in (b"who", b"what", b"on", b"outcome"))
    counts = msgspec.json.decode(fields[b"counts"], type=dict[str, int])
    return AuditEntry(entry_id, int(entry_id.partition("-")[0]), who, what, on, outcome, counts)
