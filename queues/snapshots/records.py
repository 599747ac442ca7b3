"""What is said about a snapshot: the order to carry it out, and how that goes."""

from __future__ import annotations

from typing import Any, Final, Literal, cast

import msgspec
from redis import Redis

from queues import keys
from queues.names import Queue

#: ms for which a snapshot that was submitted stays, from its launch on, when no worker ever runs.
SUBMITTED_MS: Final = 7 * 86_400_000
#: Records kept of an audience, and for how many ms after the end.
RECORDS: Final = 100
RECORD_MS: Final = 30 * 86_400_000

Format = Literal["csv", "ndjson", "json", "mparticle_csv"]
#: waiting: for a worker, its turn, the launch, or what was accepted before it. planning, applying: a worker is at it.
#: held: the guard asks a person. done. superseded: by a newer one. refused: it cannot be read; `error` says why.
State = Literal["waiting", "planning", "applying", "held", "done", "superseded", "refused"]


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """What to do with a snapshot; the `person` of its change.

    `at`: ms, the time at which the membership was so. `rows`: how many the sender says there are. `attributes`: those
    to send, None for what the connection has. `confirmed`: the guard is not asked. `reconcile`: what the list holds is
    asked of Klaviyo. `not_before`: ms. `name`: of the audience. `list_name`: of the list, empty for the audience's.
    """

    snapshot: str
    at: int
    format: Format
    gzip: bool = False
    rows: int | None = None
    attributes: tuple[str, ...] | None = None
    confirmed: bool = False
    reconcile: bool = False
    not_before: int = 0
    name: str = ""
    list_name: str = ""
    campaign: str = ""
    group: str = ""


class Counts(msgspec.Struct):
    """What a snapshot came to. All are numbers of people, but `rows` and `duplicates`, which are rows of the body.

    `customers`: told apart by external id where the sender gives one. `people`: identities to be on the list;
    `expansion`: beyond one per customer. `shrink`: by reason, those who cannot be sent. `held`: members before.
    `newer`: left alone, because a single change is newer. `unchanged`: on the list already, as the snapshot says.
    """

    rows: int = 0
    customers: int = 0
    people: int = 0
    duplicates: int = 0
    expansion: int = 0
    shrink: dict[str, int] = {}
    held: int = 0
    adds: int = 0
    updates: int = 0
    removals: int = 0
    unchanged: int = 0
    newer: int = 0


class Record(msgspec.Struct):
    """How a snapshot goes. `since`: ms at which it was submitted; `ended`: ms, None while it has not.

    `bytes`: of the body as it came. `examples`: reason -> numbers of the first rows that cannot be sent for it, counted
    from 1. `drift`: what Klaviyo's list and the ledger did not share, where Klaviyo was asked.
    """

    queue: str
    order: Order
    since: int
    bytes: int
    state: State = "waiting"
    counts: Counts | None = None
    examples: dict[str, list[int]] = {}
    drift: dict[str, int] = {}
    error: str = ""
    ended: int | None = None


_decode = msgspec.json.Decoder(Record).decode
_encode = msgspec.json.Encoder().encode


def opened(pipe: Any, queue: Queue, record: Record) -> None:
    """Put into a pipeline: the snapshot has its record, and its body stays until a worker comes.

    To be executed before its change is accepted. A repetition leaves the record as it has become.
    """
    snapshot_id = record.order.snapshot
    stays = SUBMITTED_MS + max(0, record.order.not_before - record.since)
    pipe.pexpire(keys.snapshot(snapshot_id, "body"), stays)
    pipe.set(keys.snapshot(snapshot_id), _encode(record), px=stays, nx=True)
    pipe.zadd(keys.queue(queue, "syncs"), {snapshot_id: record.since})
    pipe.zremrangebyrank(keys.queue(queue, "syncs"), 0, -RECORDS - 1)


def withdrawn(pipe: Any, queue: Queue, snapshot_id: str) -> None:
    """Put into a pipeline: the snapshot was not accepted, there being no room, and nothing of it is left."""
    pipe.delete(keys.snapshot(snapshot_id), keys.snapshot(snapshot_id, "body"))
    pipe.zrem(keys.queue(queue, "syncs"), snapshot_id)


def keep(redis: Redis, snapshot_id: str) -> None:
    """A worker has come: the body stays until `close`, however long that takes."""
    redis.persist(keys.snapshot(snapshot_id, "body"))
    redis.persist(keys.snapshot(snapshot_id))


def note(redis: Redis, record: Record) -> None:
    """Write down how a snapshot goes; not of one that has ended, for a worker that slept through the end."""
    stored = cast("bytes | None", redis.get(keys.snapshot(record.order.snapshot)))
    if stored and _decode(stored).ended is None:
        redis.set(keys.snapshot(record.order.snapshot), _encode(record), keepttl=True)


def close(redis: Redis, record: Record) -> None:
    """A snapshot has ended: its body goes, its record stays for a while."""
    snapshot_id = record.order.snapshot
    with redis.pipeline(transaction=True) as pipe:
        pipe.set(keys.snapshot(snapshot_id), _encode(record), px=RECORD_MS)
        pipe.delete(keys.snapshot(snapshot_id, "body"))
        pipe.execute()


def record(redis: Redis, snapshot_id: str) -> Record | None:
    """How a snapshot goes, or went; None for one that is unknown or forgotten. Raises ValueError for no id."""
    stored = cast("bytes | None", redis.get(keys.snapshot(snapshot_id)))
    return _decode(stored) if stored else None


def records(redis: Redis, queue: Queue) -> list[Record]:
    """Those of an audience's last snapshots that are still known, newest first."""
    ids = cast("list[bytes]", redis.zrevrange(keys.queue(queue, "syncs"), 0, -1))
    stored = cast("list[bytes | None]", redis.mget([keys.snapshot(id_.decode()) for id_ in ids])) if ids else []
    return [_decode(value) for value in stored if value]
