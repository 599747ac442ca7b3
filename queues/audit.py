"""Who did what, and when: a stream of what people did to the queues, without anything of the persons in them."""

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

#: Entries kept, about.
KEPT: Final = 10_000
DONE: Final = "done"
_UNTOLD: Final = "the audit does not say that %s did %s on %s: Redis' memory is full"
_ID: Final = re.compile(r"[0-9]{1,15}-[0-9]{1,15}")


class AuditEntry(msgspec.Struct, frozen=True):
    """`id`: of the stream. `at`: ms, by the server's clock. `who`: `web:ann`, `api:ann`, `cli:<os user>`,
    `sender:<name>`.

    `what`: flush, hold, release, replay, purge, sign-in, ... `on`: a queue, a connection, a user's name, or empty.
    `counts`: of changes, letters and the like.
    """

    id: str
    at: int
    who: str
    what: str
    on: str
    outcome: str
    counts: dict[str, int]


def note(redis: Redis, who: str, what: str, on: object = "", outcome: str = DONE, **counts: int) -> None:
    """Write down what somebody did, once it is done. Raises redis.RedisError.

    Not when the memory is full: whoever lets the queues drain then must not be told that it failed.
    """
    try:
        redis.xadd(keys.AUDIT, _fields(who, what, on, outcome, counts), maxlen=KEPT, approximate=True)
    except OutOfMemoryError:
        log.warning(_UNTOLD, who, what, on or "nothing")


async def note_async(redis: AsyncRedis, who: str, what: str, on: object = "", outcome: str = DONE) -> None:
    """The same for the intake: what a sender's message did. Raises redis.RedisError."""
    try:
        await redis.xadd(keys.AUDIT, _fields(who, what, on, outcome, {}), maxlen=KEPT, approximate=True)
    except OutOfMemoryError:
        log.warning(_UNTOLD, who, what, on or "nothing")


def _fields(who: str, what: str, on: object, outcome: str, counts: dict[str, int]) -> Any:
    return {"who": who, "what": what, "on": str(on), "outcome": outcome, "counts": msgspec.json.encode(counts)}


def is_id(text: str) -> bool:
    """Whether a text can be the id of an entry."""
    return _ID.fullmatch(text) is not None


def read(redis: Redis, limit: int, before: str = "+") -> list[AuditEntry]:
    """The last `limit` entries, newest first; those before the entry with the id `before` where one is given."""
    newest = before if before == "+" else f"({before}"
    found = cast("list[tuple[bytes, dict[bytes, bytes]]]", redis.xrevrange(keys.AUDIT, newest, "-", count=limit))
    return [_entry(entry_id.decode(), fields) for entry_id, fields in found]


def since(redis: Redis, at: int) -> list[AuditEntry]:
    """The entries from `at` (ms) on, newest first. Raises redis.RedisError."""
    found = cast("list[tuple[bytes, dict[bytes, bytes]]]", redis.xrevrange(keys.AUDIT, "+", str(at)))
    return [_entry(entry_id.decode(), fields) for entry_id, fields in found]


def _entry(entry_id: str, fields: dict[bytes, bytes]) -> AuditEntry:
    who, what, on, outcome = (fields[name].decode() for name in (b"who", b"what", b"on", b"outcome"))
    counts = msgspec.json.decode(fields[b"counts"], type=dict[str, int])
    return AuditEntry(entry_id, int(entry_id.partition("-")[0]), who, what, on, outcome, counts)
