"""The census: the current state of the ledger, for people and programs. It reads and never writes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, cast

import msgspec
from redis import Redis

from queues import doorbell, figures, holds, keys, queue_rows, schedulers, scripts
from queues.clock import machines_off, now_ms
from queues.counts import OpenBatch, QueueCount
from queues.figures import Totals
from queues.holds import Hold
from queues.names import Queue, by_partition
from queues.pending import all_queues, due, waiting
from queues.people import identities
from queues.policy import FlushPolicy
from queues.queue_rows import NamedQueue, QueueRow
from queues.server import rollback
from queues.server.rollback import Rollback

#: Queues read by one script, which takes a few ms.
_AT_ONCE = 200
#: ms for which changes that are over the time of their flush count as normal.
LATE_MS: Final = 15 * 60_000
_DEFAULT = FlushPolicy()


@dataclass(frozen=True)
class Census:
    """The state of the ledger. `at`: ms, by the server's clock.

    `queues`: all, or, with the `kept` figures of all, only those in trouble and some others (`take_summary`).
    `heartbeat`: ms of a scheduler's last tick, None if that is over a minute ago. `holds`: those on connections.
    `workers`: name -> state (RQ's words: started, idle, busy, suspended). `shared`: connection -> values that too many
    people share, by kind and part of their hash -> ms since when. `fall`: a loss of data that is not acknowledged.
    `clocks`: machine whose clock is off -> ms by which it is ahead. `next_check`: ms at which Ferry checks next whether
    the causes of connections' holds are gone; None without such holds, or if no scheduler has checked lately.
    """

    at: int
    queues: tuple[QueueCount, ...]
    holds: dict[str, Hold]
    heartbeat: int | None
    workers: dict[str, str]
    shared: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    fall: Rollback | None = None
    kept: Totals | None = None
    clocks: Mapping[str, int] = field(default_factory=dict)
    next_check: int | None = None

    @cached_property
    def totals(self) -> Totals:
        """The figures of all queues, by connection and kind."""
        return Totals.counted(self.queues) if self.kept is None else self.kept


class _Progress(msgspec.Struct, frozen=True):
    """The fields that a census reads of a worker's progress (worker/progress.py)."""

    stage: str = "upload"
    trouble: str = ""


_progress = msgspec.json.Decoder(_Progress)
_audience = msgspec.json.Decoder(dict[str, Any])


def take_census(redis: Redis, queues: Sequence[Queue] | None = None) -> Census:
    """Read everything, or only these queues; each queue atomically. Raises redis.RedisError."""
    return _census(redis, all_queues(redis) if queues is None else queues)


def take_some(redis: Redis, queues: Collection[Queue]) -> Census:
    """Read those of these queues into which something was ever accepted. Raises redis.RedisError."""
    return _census(redis, _existing(redis, queues))


def take_letters(redis: Redis, shown: Collection[Queue] = ()) -> Census:
    """Read the queues with dead letters, and those of `shown` that exist. Raises redis.RedisError."""
    kept = figures.read(redis)
    if kept is None:
        return take_census(redis)
    keeping = {queue for queue, what in figures.in_trouble(redis).items() if what & figures.LETTERS}
    return _census(redis, sorted({*keeping, *_existing(redis, shown)}), kept)


def _existing(redis: Redis, queues: Collection[Queue]) -> list[Queue]:
    asked = sorted(set(queues))
    with redis.pipeline(transaction=False) as pipe:
        for queue in asked:
            pipe.sismember(keys.partition(queue.partition, "queues"), str(queue))
        return [queue for queue, exists in zip(asked, pipe.execute(), strict=True) if exists]


def rows(redis: Redis) -> Sequence[QueueRow]:
    """Return the rows of all queues, in any order. Raises redis.RedisError."""
    if figures.read(redis) is None:
        return [QueueRow.of(each) for each in take_census(redis).queues]
    return queue_rows.rows(redis)


def meant(redis: Redis, given: str) -> Sequence[NamedQueue]:
    """Return the queues that a person may mean by a name, or all (`queue_rows.meant`). Raises redis.RedisError."""
    return queue_rows.meant(rows(redis), given)


def take_summary(redis: Redis, shown: Collection[Queue] = (), whole_trouble: bool = False) -> Census:
    """Read the kept figures of all queues, and only some queues one by one: those in trouble, and `shown`.

    In trouble are queues that miss changes, are held themselves, have a batch that fails, or are over the time of their
    flush; also the queue with the oldest change, and the queue with dead letters if it is the only one.
    `whole_trouble`: also all with dead letters, and those over their time on held connections. Raises redis.RedisError.
    """
    kept = figures.read(redis)
    if kept is None:
        return take_census(redis)
    trouble = figures.in_trouble(redis)
    letters = whole_trouble or kept.all.keeping == 1
    held = holds.of_connections(redis)
    over = due(redis, now_ms() - (0 if whole_trouble else LATE_MS))
    late = (queue for queue in over if whole_trouble or queue.connection not in held)
    oldest = () if kept.oldest is None else (kept.oldest,)
    chosen = {*shown, *oldest, *late, *(queue for queue, what in trouble.items() if letters or what > figures.LETTERS)}
    return _census(redis, sorted(chosen), kept, held)


def _census(
    redis: Redis, queues: Sequence[Queue], kept: Totals | None = None, held: dict[str, Hold] | None = None
) -> Census:
    counts = count(redis, queues)
    connections = {queue.connection for queue in queues} if kept is None else kept.connections
    heartbeat = cast("bytes | None", redis.get(keys.HEARTBEAT))
    on_connections = holds.of_connections(redis) if held is None else held
    seconds, microseconds = redis.time()
    at = seconds * 1000 + microseconds // 1000
    return Census(
        at=at,
        queues=tuple(counts),
        holds=on_connections,
        heartbeat=int(heartbeat) if heartbeat else None,
        workers=doorbell.workers(redis),
        shared=identities.shared_values(redis, sorted(connections)),
        fall=rollback.unacknowledged(redis),
        kept=kept,
        clocks=machines_off(redis),
        next_check=schedulers.next_probe(redis, at) if any(hold.probed for hold in on_connections.values()) else None,
    )


def count(redis: Redis, queues: Sequence[Queue]) -> list[QueueCount]:
    """Count these queues, in their order. Raises redis.RedisError."""
    answers = _read(redis, queues)
    opened = _open_batches(redis, [batch for answer in answers.values() for batch in answer[3][::2]])
    return [_count(queue, answers[queue], opened) for queue in queues]


def _read(redis: Redis, queues: Sequence[Queue]) -> dict[Queue, list[Any]]:
    """Return what census.lua says of each queue."""
    found: dict[Queue, list[Any]] = {}
    for number, part in by_partition(queues, lambda queue: queue.partition, _AT_ONCE):
        script_keys = [keys.partition(number, "queues")]
        answers = scripts.run(redis, "census", script_keys, [str(queue) for queue in part])
        found.update(zip(part, answers, strict=True))
    return found


def _open_batches(redis: Redis, ids: Sequence[bytes]) -> dict[bytes, OpenBatch]:
    """Return the details of the batches, without those settled since they were counted."""
    with redis.pipeline(transaction=False) as pipe:
        for batch_id in ids:
            name = batch_id.decode()
            pipe.hgetall(keys.batch(name))
            pipe.zscore(keys.partition(keys.batch_partition(name), "ring"), name)
        answers = pipe.execute()
    details = zip(ids, answers[::2], answers[1::2], strict=True)
    return {batch_id: _open_batch(batch_id, fields, ring) for batch_id, fields, ring in details if fields}


def _open_batch(batch_id: bytes, fields: dict[bytes, bytes], ring: float | None) -> OpenBatch:
    progress = _progress.decode(fields[b"progress"]) if fields[b"progress"] else _Progress()
    return OpenBatch(
        id=batch_id.decode(),
        taken=int(fields[b"taken"]),
        count=int(fields[b"count"]),
        reason=fields[b"reason"].decode(),
        stage=progress.stage,
        attempts=int(fields[b"attempts"]),
        held=fields[b"held"] == b"1",
        ring=int(ring or 0),
        trouble=progress.trouble,
    )


def _count(queue: Queue, answer: list[Any], opened: dict[bytes, OpenBatch]) -> QueueCount:
    flat, pending, oldest, batches, kept, left_out = answer
    fields: dict[str, bytes] = {name.decode(): value for name, value in _pairs(flat)}

    def number(name: str) -> int:
        return int(fields.get(name, 0))

    return QueueCount(
        queue=queue,
        name=_audience.decode(fields["audience"]).get("name", "") if "audience" in fields else "",
        policy=FlushPolicy(number("size") or _DEFAULT.size, number("age") or _DEFAULT.age_ms),
        waiting=waiting(fields, pending, int(oldest) if oldest else None),
        accepted=number("accepted"),
        open=number("open"),
        delivered=number("delivered"),
        dead=number("dead"),
        superseded=number("superseded"),
        kept=kept,
        taken=number("taken"),
        upto=number("upto"),
        evicted=number("evicted"),
        hold=holds.decode(fields["hold"]) if "hold" in fields else None,
        list_id=fields["list_id"].decode() if "list_id" in fields else None,
        batches=tuple(opened[batch_id] for batch_id in batches[::2] if batch_id in opened),
        imported=number("imported"),
        landed=number("landed") or None,
        left_out={code.decode(): int(people) for code, people in _pairs(left_out)},
    )


def _pairs(flat: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Return the pairs of a hash as a script returns it: name, value, name, value ..."""
    return zip(flat[::2], flat[1::2], strict=True)
