"""The figures of all queues together. The scripts keep them (lua/_figures.lua), so that nobody has to count queues.

Each partition has a row of figures for each of its queues, and the sums of its rows by connection and kind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from redis import Redis

from queues import keys, scripts
from queues.batches import is_failure
from queues.counts import QueueCount
from queues.names import PARTITIONS, Queue, by_partition
from queues.pending import all_queues

#: Queues that one script counts anew, in about ten ms.
_AT_ONCE: Final = 200
_LEFT_OUT: Final = "left_out:"
#: What may be wrong with a queue; their sum orders queues by urgency.
LETTERS: Final = 1
FAILING: Final = 2
HELD: Final = 4
MISSING: Final = 8


@dataclass(frozen=True, slots=True)
class Figures:
    """The sums of some queues.

    The changes: see `QueueCount`; `missing` sums up absolute numbers, because a change too many does not replace a
    missing one. `queues`: all; `held`: those with a hold of their own; `keeping`: those with dead letters; `filled`:
    those with pending changes; `delivering`: those with open batches; `unsettled`: those with either. `batches`: open
    ones; `failing`: those of them whose last attempt failed. `oldest`: ms at which the oldest pending change was
    accepted. `left_out`: people delivered without some field, by the code of its fault.
    """

    queues: int = 0
    accepted: int = 0
    pending: int = 0
    open: int = 0
    delivered: int = 0
    imported: int = 0
    dead: int = 0
    superseded: int = 0
    evicted: int = 0
    kept: int = 0
    missing: int = 0
    held: int = 0
    keeping: int = 0
    filled: int = 0
    delivering: int = 0
    unsettled: int = 0
    batches: int = 0
    failing: int = 0
    oldest: int | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, count: QueueCount) -> Figures:
        """Return the figures of one queue."""
        waiting = count.waiting
        return cls(
            queues=1,
            accepted=count.accepted,
            pending=waiting.pending,
            open=count.open,
            delivered=count.delivered,
            imported=count.imported,
            dead=count.dead,
            superseded=count.superseded,
            evicted=count.evicted,
            kept=count.kept,
            missing=abs(count.missing),
            held=int(count.hold is not None),
            keeping=int(count.kept > 0),
            filled=int(waiting.pending > 0),
            delivering=int(bool(count.batches)),
            unsettled=int(waiting.pending > 0 or bool(count.batches)),
            batches=len(count.batches),
            failing=sum(is_failure(batch.trouble) for batch in count.batches),
            oldest=waiting.oldest,
            left_out=dict(count.left_out),
        )


_SUMMED: Final = tuple(each.name for each in fields(Figures) if each.name not in ("oldest", "left_out"))


def trouble_of(of: Figures) -> int:
    """Return what is wrong with a queue as the index of troubles has it: the higher, the more urgent. Pure."""
    return MISSING * (of.missing > 0) + HELD * (of.held > 0) + FAILING * (of.failing > 0) + LETTERS * (of.keeping > 0)


def summed(some: Iterable[Figures]) -> Figures:
    """Return the sum. Pure."""
    sums: defaultdict[str, int] = defaultdict(int)
    left_out: defaultdict[str, int] = defaultdict(int)
    oldest: int | None = None
    for each in some:
        for name in _SUMMED:
            sums[name] += getattr(each, name)
        for code, people in each.left_out.items():
            left_out[code] += people
        if each.oldest is not None and (oldest is None or each.oldest < oldest):
            oldest = each.oldest
    return Figures(**sums, oldest=oldest, left_out=dict(left_out))


@dataclass(frozen=True, slots=True)
class Totals:
    """The figures by connection and kind. `all`: of all queues. `oldest`: the queue with the oldest pending change."""

    groups: Mapping[tuple[str, str], Figures]
    all: Figures
    oldest: Queue | None = None

    @classmethod
    def of(cls, groups: Mapping[tuple[str, str], Figures], oldest: Mapping[Queue, int]) -> Totals:
        """Return the totals of these groups. `oldest`: queues and the ms of their oldest pending change."""
        first = min(oldest, key=lambda queue: (oldest[queue], queue), default=None)
        return cls(groups, summed(groups.values()), first)

    @classmethod
    def counted(cls, counts: Iterable[QueueCount]) -> Totals:
        """Return the totals of queues that were counted one by one."""
        by_group: defaultdict[tuple[str, str], list[Figures]] = defaultdict(list)
        oldest: dict[Queue, int] = {}
        for count in counts:
            by_group[count.queue.connection, count.queue.kind].append(Figures.of(count))
            if count.waiting.oldest is not None:
                oldest[count.queue] = count.waiting.oldest
        return cls.of({group: summed(some) for group, some in by_group.items()}, oldest)

    @property
    def connections(self) -> set[str]:
        """The connections that have queues."""
        return {connection for connection, _ in self.groups}

    def of_connection(self, name: str) -> Figures:
        """Return the figures of a connection."""
        return summed(figures for (connection, _), figures in self.groups.items() if connection == name)


def read(redis: Redis) -> Totals | None:
    """Return the kept totals; None until a scheduler has counted the queues of an older Ferry (`recount`).

    Each partition is read atomically. Raises redis.RedisError.
    """
    with redis.pipeline(transaction=False) as pipe:
        for number in range(PARTITIONS):
            scripts.queue_up(pipe, "totals", [keys.partition(number, "totals")])
        answers: list[list[Any]] = pipe.execute()
    if any(queues != rows for _, _, queues, rows in answers):
        return None
    by_group: defaultdict[tuple[str, str], list[Figures]] = defaultdict(list)
    oldest: dict[Queue, int] = {}
    for flat, first, _, _ in answers:
        found = {Queue.parse(queue.decode()): int(ms) for queue, ms in zip(first[::2], first[1::2], strict=True)}
        oldest |= found
        for group, figures in _groups(flat, {(queue.connection, queue.kind): ms for queue, ms in found.items()}):
            by_group[group].append(figures)
    return Totals.of({group: summed(some) for group, some in by_group.items()}, oldest)


def _groups(flat: Sequence[bytes], oldest: Mapping[tuple[str, str], int]) -> Iterator[tuple[tuple[str, str], Figures]]:
    """Yield the figures of each group of a partition. `flat`: as totals.lua returns it; `oldest`: ms by group."""
    by_group: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for name, figure in zip(flat[::2], flat[1::2], strict=True):
        text, _, of = name.decode().partition(" ")
        by_group[text][of] = int(figure)
    for text, found in by_group.items():
        queue = Queue.parse(f"{text}/-")
        group = queue.connection, queue.kind
        yield group, _figures(found, oldest.get(group))


def _figures(found: Mapping[str, int], oldest: int | None) -> Figures:
    left_out = {name.removeprefix(_LEFT_OUT): n for name, n in found.items() if name.startswith(_LEFT_OUT) and n}
    # Only the known names: a newer Ferry may keep more.
    return Figures(**{name: found.get(name, 0) for name in _SUMMED}, oldest=oldest, left_out=left_out)


def connections(redis: Redis) -> set[str]:
    """Return the connections that have queues, without reading the names of all queues. Raises redis.RedisError."""
    kept = read(redis)
    return {queue.connection for queue in all_queues(redis)} if kept is None else kept.connections


def recount(redis: Redis, queues: Sequence[Queue]) -> None:
    """Count these queues anew. May be repeated, beside processes that change them. Raises redis.RedisError."""
    for number, part in by_partition(queues, lambda queue: queue.partition, _AT_ONCE):
        scripts.run(redis, "recount", [keys.partition(number, "queues")], [str(queue) for queue in part])


def in_trouble(redis: Redis) -> dict[Queue, int]:
    """Return the queues with anything wrong, and what (`trouble_of`). Raises redis.RedisError."""
    with redis.pipeline(transaction=False) as pipe:
        for number in range(PARTITIONS):
            pipe.zrange(keys.partition(number, "trouble"), 0, -1, withscores=True)
        return {Queue.parse(name.decode()): int(score) for found in pipe.execute() for name, score in found}
