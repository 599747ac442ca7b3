"""What is said about a snapshot: the order to carry it out, and how that goes."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, cast

import msgspec
from msgspec import Meta
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


class SnapshotOrder(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was asked for; what was not asked for is left out."""

    snapshot: str
    at: Annotated[int, Meta(description="The ms since 1970 at which the membership was so.")]
    format: Format
    gzip: bool = False
    rows: Annotated[int | None, Meta(description="As many as the sender says there are.")] = None
    attributes: Annotated[
        tuple[str, ...] | None, Meta(description="Those to send; those of the connection when left out.")
    ] = None
    confirmed: Annotated[bool, Meta(description="Nobody is asked, however many leave the list.")] = False
    reconcile: Annotated[bool, Meta(description="Klaviyo is asked whom the list has.")] = False
    not_before: Annotated[int, Meta(description="ms since 1970.")] = 0
    name: Annotated[str, Meta(description="Of the audience.")] = ""
    list_name: Annotated[str, Meta(description="Of the list, where it is not the audience's.")] = ""
    campaign: str = ""
    group: str = ""


class Counts(msgspec.Struct):
    """What a snapshot came to. All are numbers of people, but `rows` and `duplicates`, which are rows of the body."""

    rows: int = 0
    customers: Annotated[int, Meta(description="Told apart by external id where the sender gives one.")] = 0
    people: Annotated[int, Meta(description="To be on the list, by their identities.")] = 0
    duplicates: Annotated[int, Meta(description="Rows of a person who has a later one.")] = 0
    expansion: Annotated[int, Meta(description="People beyond one per customer.")] = 0
    shrink: Annotated[dict[str, int], Meta(description="Those who cannot be sent, by reason.")] = {}
    held: Annotated[int, Meta(description="Members before.")] = 0
    adds: int = 0
    updates: int = 0
    removals: int = 0
    unchanged: Annotated[int, Meta(description="On the list already, as the snapshot says.")] = 0
    newer: Annotated[int, Meta(description="Left alone, because a single change is newer.")] = 0


class Record(msgspec.Struct):
    """How a snapshot goes."""

    queue: Annotated[str, Meta(description="For the commands of an operator.")]
    order: SnapshotOrder
    since: Annotated[int, Meta(description="The ms since 1970 at which it was accepted.")]
    bytes: Annotated[int, Meta(description="Of the body as it came.")]
    state: Annotated[
        State,
        Meta(
            description="waiting: for its turn or its launch. held: it would take very many off the list, and a person "
            "is asked. superseded: by a newer one. refused: `error` says why; nothing was changed."
        ),
    ] = "waiting"
    counts: Counts | None = None
    examples: Annotated[
        dict[str, list[int]],
        Meta(description="By reason, the numbers of the first rows that cannot be sent, from 1."),
    ] = {}
    drift: Annotated[
        dict[str, int],
        Meta(description="What Klaviyo's list and Ferry's knowledge of it did not share, where Klaviyo was asked."),
    ] = {}
    error: str = ""
    ended: Annotated[int | None, Meta(description="ms since 1970; null while it has not.")] = None


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
