"""All queues as rows of a table, with the figures that the scripts keep (figures.py): for choosing a few of many."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol
from urllib.parse import unquote

from redis import Redis

from queues import keys
from queues.counts import QueueCount
from queues.figures import HELD, Figures, trouble_of
from queues.names import PARTITIONS, Queue
from queues.pending import all_queues


class NamedQueue(Protocol):
    """A queue and the name of its audience, "" if it has none."""

    @property
    def queue(self) -> Queue:
        """The queue."""

    @property
    def name(self) -> str:
        """The name."""


class AudienceName(NamedTuple):
    """The same and nothing else."""

    queue: Queue
    name: str


class QueueRow(NamedTuple):
    """A row. `stored`: its figures as lua/_figures.lua writes them, read when asked for, because most never are.

    `due`: ms at which the flush policy checks the queue, 0 for at once; None without pending changes. `own_trouble`:
    what is wrong with the queue itself (`figures.trouble_of`).
    """

    stored_queue: bytes
    stored_name: bytes
    due: float | None
    own_trouble: int
    stored: bytes

    @classmethod
    def of(cls, count: QueueCount) -> QueueRow:
        """Return the row of a queue that was counted."""
        figures = Figures.of(count)
        stored = " ".join(f"{name} {getattr(figures, name) or 0}" for name in _SHOWN)
        own = trouble_of(figures)
        return cls(str(count.queue).encode(), count.name.encode(), count.due, own, stored.encode())

    @property
    def queue(self) -> str:
        """The name of the queue in addresses."""
        return self.stored_queue.decode()

    @property
    def name(self) -> str:
        """The name of the audience, or ""."""
        return self.stored_name.decode()

    @property
    def connection(self) -> str:
        """The connection."""
        return unquote(self.stored_queue.partition(b"/")[0].decode())

    def figure(self, name: str) -> int:
        """Return a figure of `Figures`; `oldest` is 0 without pending changes."""
        parts = self.stored.split(b" ")
        key = name.encode()
        return int(parts[parts.index(key) + 1]) if key in parts else 0

    def is_held(self, held: Collection[str]) -> bool:
        """Return whether the queue or its connection is held. `held`: the connections that are."""
        return bool(self.own_trouble & HELD) or (bool(held) and self.connection in held)

    def trouble(self, held: Collection[str]) -> int:
        """Return what is wrong, with the holds of these connections."""
        return self.own_trouble | HELD if self.is_held(held) else self.own_trouble


#: Picks the queues to show, by name: of the rows, with the connections that are held.
Pick = Callable[[Sequence[QueueRow], Collection[str]], list[str]]
_SHOWN = ("pending", "open", "batches", "unsettled", "delivered", "kept", "held", "failing", "missing", "oldest")


def rows(redis: Redis) -> list[QueueRow]:
    """Return the rows of all queues; twenty thousand take about a tenth of a second. Raises redis.RedisError."""
    with redis.pipeline(transaction=False) as pipe:
        for number in range(PARTITIONS):
            pipe.hgetall(keys.partition(number, "rows"))
            pipe.hgetall(keys.partition(number, "names"))
            pipe.zrange(keys.partition(number, "due"), 0, -1, withscores=True)
            pipe.zrange(keys.partition(number, "trouble"), 0, -1, withscores=True)
        answers = pipe.execute()
    found: list[QueueRow] = []
    for stored, names, due, trouble in zip(*(answers[part::4] for part in range(4)), strict=True):
        due_at, wrong, name_of = dict(due).get, dict(trouble).get, names.get
        found += [
            QueueRow(queue, name_of(queue, b""), due_at(queue), int(wrong(queue, 0)), row)
            for queue, row in stored.items()
        ]
    return found


def named(redis: Redis) -> list[AudienceName]:
    """Return all queues with the names of their audiences. Raises redis.RedisError."""
    with redis.pipeline(transaction=False) as pipe:
        for number in range(PARTITIONS):
            pipe.hgetall(keys.partition(number, "names"))
        names = {queue: name for found in pipe.execute() for queue, name in found.items()}
    return [AudienceName(queue, names.get(str(queue).encode(), b"").decode()) for queue in all_queues(redis)]
