"""What became of the changes of a snapshot: each batch notes it before it is settled, and the record shows the sum.

A change that is neither settled nor pending nor in an open batch was erased with its person, and counts as superseded.
Also the numbers of the rows that cannot be sent, and the keyed hashes of the people whom a snapshot changes, without
anything else of them.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from heapq import nlargest
from itertools import islice
from typing import Any, Final, cast

import msgspec
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from queues import keys
from queues.names import Queue
from queues.snapshots.records import RECORD_MS, Outcomes, Record, decode


class BatchResult(msgspec.Struct, array_like=True):
    """What became of a snapshot's changes in one batch. `dead`: new dead letters without those that were replayed.

    `reasons`: of the dead letters. `settled`: ms.
    """

    settled: int
    delivered: int = 0
    imported: int = 0
    superseded: int = 0
    dead: int = 0
    not_found: int = 0
    reasons: dict[str, int] = {}


_SUMMED: Final = ("delivered", "imported", "superseded", "dead", "not_found")
_encode = msgspec.json.Encoder().encode
_PART: Final = "rejected"
_decode_rows = msgspec.msgpack.Decoder(dict[str, list[int]]).decode
_decode = msgspec.json.Decoder(BatchResult).decode
#: Action -> keyed hash of the person (people/identities.py) and the names of the attributes that change.
PlannedPeople = Mapping[str, Sequence[tuple[bytes, list[str]]]]
_PEOPLE: Final = "people"
#: ms for which it is kept whom a snapshot changed (7 days).
PEOPLE_MS: Final = 7 * 86_400_000
_decode_people = msgspec.msgpack.Decoder(dict[str, list[tuple[bytes, list[str]]]]).decode


def note(redis: Redis, batch_id: str, results: Mapping[str, BatchResult]) -> None:
    """Note the results of a batch, by snapshot. May be repeated, with other results too, until the batch is settled."""
    with redis.pipeline(transaction=False) as pipe:
        for snapshot_id, result in results.items():
            pipe.hset(keys.snapshot(snapshot_id, "outcomes"), batch_id, _encode(result))
            pipe.pexpire(keys.snapshot(snapshot_id, "outcomes"), RECORD_MS)
        pipe.execute()


def is_carried_out(record: Record) -> bool:
    """Return whether the changes of a snapshot were queued, whatever became of them. Pure."""
    with_letters = record.state == "failed" and record.outcomes.dead > 0
    return with_letters or record.state in ("delivering", "delivered", "imported")


def shown(record: Record, noted: Mapping[bytes, bytes], is_idle: bool) -> Record:
    """Return the record with its outcomes, and the state that follows from them. Pure.

    `noted`: the results by batch. `is_idle`: the audience's queue had no pending change and no open batch, seen before
    `noted` was read.
    """
    results = [*map(_decode, noted.values())]
    sums = {name: sum(getattr(each, name) for each in results) for name in _SUMMED}
    left = max(0, record.outcomes.changes - sum(sums.values()) + sums["not_found"])
    if is_idle:
        sums["superseded"] += left
        left = 0
    reasons = sum((Counter(each.reasons) for each in results), Counter[str]())
    found = Outcomes(
        **sums,
        changes=record.outcomes.changes,
        pending=left,
        reasons=dict(reasons),
        settled=None if left else max((each.settled for each in results), default=None),
    )
    changed = msgspec.structs.replace(record, outcomes=found)
    if record.state == "delivering" and not left:
        changed.state = "failed" if found.dead else "imported" if found.imported else "delivered"
        if found.dead:
            changed.error = f"{found.dead:,} of its changes are dead letters: `ferry dead list` shows why"
    return changed


def record(redis: Redis, snapshot_id: str) -> Record | None:
    """Return the record of a snapshot, None if unknown or expired. Raises ValueError for a malformed id."""
    return by_id(redis, [snapshot_id]).get(snapshot_id)


def by_id(redis: Redis, ids: Sequence[str]) -> dict[str, Record]:
    """Return the records of these snapshots that exist, by id, in two round trips. Raises ValueError as `record`."""
    with redis.pipeline(transaction=False) as pipe:
        for each in ids:
            pipe.get(keys.snapshot(each))
        stored = zip(ids, cast("list[bytes | None]", pipe.execute()), strict=True)
        of_queues: dict[Queue, list[str]] = {}
        for each, value in stored:
            if value is not None:
                of_queues.setdefault(Queue.parse(decode(value).queue), []).append(each)
        return {each.order.snapshot: each for each in _answered(pipe, of_queues)}


def records(redis: Redis, queue: Queue) -> list[Record]:
    """Return the records of an audience's last snapshots that still exist, newest first. `queue`: of the snapshots."""
    ids = cast("list[bytes]", redis.zrevrange(keys.queue(queue, "syncs"), 0, -1))
    with redis.pipeline(transaction=False) as pipe:
        ask(pipe, queue, [each.decode() for each in ids])
        return answer(pipe.execute())


def recent(
    redis: Redis, queues: Sequence[Queue], most: int | None = None, always: Collection[Queue] = ()
) -> list[Record]:
    """Return the records of the snapshots of these queues, newest first. Raises redis.RedisError.

    `most`: only so many, the newest, and all of the queues in `always`.
    """
    with redis.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.zrevrange(keys.queue(queue, "syncs"), 0, -1, withscores=True)
        found = [(at, queue, each) for queue, ids in zip(queues, pipe.execute(), strict=True) for each, at in ids]
        chosen = found if most is None else nlargest(most, found)
        ids: dict[Queue, list[str]] = {}
        for _, queue, each in {*chosen, *(each for each in found if each[1] in always)}:
            ids.setdefault(queue, []).append(each.decode())
        return sorted(_answered(pipe, ids), key=lambda record: record.since, reverse=True)


def _answered(pipe: Any, of_queues: Mapping[Queue, Sequence[str]]) -> list[Record]:
    """Return the records of these snapshots of several queues that exist, in one round trip."""
    for queue, ids in of_queues.items():
        ask(pipe, queue, ids)
    answers = iter(pipe.execute())
    return [each for ids in of_queues.values() for each in answer([*islice(answers, 2 + 2 * len(ids))])]


def ask(pipe: Any, queue: Queue, ids: Sequence[str]) -> None:
    """Add to a pipeline the commands whose results `answer` reads. `queue`: of the snapshots."""
    audience = Queue(queue.connection, "audience", queue.target)
    # First, because a batch notes its results before it is settled.
    pipe.llen(keys.queue(audience, "pending"))
    pipe.zcard(keys.queue(audience, "batches"))
    for snapshot_id in ids:
        pipe.get(keys.snapshot(snapshot_id))
        pipe.hgetall(keys.snapshot(snapshot_id, "outcomes"))


def answer(found: Sequence[Any]) -> list[Record]:
    """Return the records that exist, from the results of a pipeline."""
    pending, batches, *stored = found
    pairs = zip(stored[::2], stored[1::2], strict=True)
    return [shown(decode(value), noted, not (pending or batches)) for value, noted in pairs if value]


def keep_rejected(redis: Redis, snapshot_id: str, rows: Mapping[str, Sequence[int]]) -> None:
    """Keep the numbers of rows by reason as long as the record of the snapshot. May be repeated."""
    if rows:
        redis.set(keys.snapshot(snapshot_id, _PART), zlib.compress(msgspec.msgpack.encode(rows)), px=RECORD_MS)


def rejected(redis: Redis, snapshot_id: str) -> dict[str, list[int]]:
    """Return the numbers of rows by reason; empty when all rows were sent or the snapshot is unknown."""
    return _rows(cast("bytes | None", redis.get(keys.snapshot(snapshot_id, _PART))))


async def rejected_async(redis: AsyncRedis, snapshot_id: str) -> dict[str, list[int]]:
    """Return the numbers of rows by reason, as `rejected` does."""
    return _rows(cast("bytes | None", await redis.get(keys.snapshot(snapshot_id, _PART))))


def _rows(stored: bytes | None) -> dict[str, list[int]]:
    return _decode_rows(zlib.decompress(stored)) if stored else {}


def keep_people(redis: Redis, snapshot_id: str, people: PlannedPeople) -> None:
    """Keep whom a snapshot changes for PEOPLE_MS. May be repeated."""
    redis.set(keys.snapshot(snapshot_id, _PEOPLE), zlib.compress(msgspec.msgpack.encode(people)), px=PEOPLE_MS)


def people(redis: Redis, snapshot_id: str) -> dict[str, list[tuple[bytes, list[str]]]]:
    """Return whom a snapshot changes by action; empty when it is unknown, too old, or was not compared yet."""
    stored = cast("bytes | None", redis.get(keys.snapshot(snapshot_id, _PEOPLE)))
    return _decode_people(zlib.decompress(stored)) if stored else {}
