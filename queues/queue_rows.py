"""All queues as rows of a table, with the figures that the scripts keep (figures.py): for choosing a few of many."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import nsmallest
from typing import NamedTuple, Protocol
from urllib.parse import quote, unquote

from redis import Redis

from queues import keys, scripts
from queues.counts import QueueCount
from queues.counts import named as named_as
from queues.figures import HELD, Figures, trouble_of
from queues.names import PARTITIONS, Queue
from text.escaping import visible


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
        stored = " ".join(f"{name} {figure}" for name in _SHOWN if (figure := getattr(figures, name)))
        own = trouble_of(figures)
        return cls(str(count.queue).encode(), quote(count.name).encode(), count.due, own, stored.encode())

    @property
    def queue(self) -> str:
        """The name of the queue in addresses."""
        return self.stored_queue.decode()

    @property
    def name(self) -> str:
        """The name of the audience, or ""."""
        return unquote(self.stored_name.decode())

    @property
    def connection(self) -> str:
        """The connection."""
        return unquote(self.stored_queue.partition(b"/")[0].decode())

    def figure(self, name: str) -> int:
        """Return a figure of `Figures`; `oldest` is 0 without pending changes."""
        stored, sought = b" " + self.stored, b" %b " % name.encode()
        at = stored.find(sought)
        return int(stored[at + len(sought) :].partition(b" ")[0]) if at >= 0 else 0

    @property
    def kind(self) -> str:
        """The kind."""
        return self.stored_queue.split(b"/")[1].decode()

    @property
    def called(self) -> str:
        """The display name (`counts.called`)."""
        # Without its queue if it has a name, because a table of very many asks for each.
        return visible(self.name) if self.stored_name else named_as(Queue.parse(self.queue), "")

    def is_held(self, held: Collection[str]) -> bool:
        """Return whether the queue or its connection is held. `held`: the connections that are."""
        return bool(self.own_trouble & HELD) or (bool(held) and self.connection in held)

    def trouble(self, held: Collection[str]) -> int:
        """Return what is wrong, with the holds of these connections."""
        return self.own_trouble | HELD if self.is_held(held) else self.own_trouble


_SHOWN = ("pending", "open", "batches", "unsettled", "delivered", "kept", "held", "failing", "missing", "oldest")


def rows(redis: Redis) -> list[QueueRow]:
    """Return the rows of all queues; twenty thousand take about a tenth of a second. Raises redis.RedisError."""
    with redis.pipeline(transaction=False) as pipe:
        for number in range(PARTITIONS):
            scripts.queue_up(pipe, "rows", [keys.partition(number, "rows")])
        lines = [line for text in pipe.execute() if text for line in text.split(b"\n")]
    found = []
    for line in lines:
        queue, name, due, trouble, stored = line.split(b"\t")
        found.append(QueueRow(queue, name, float(due) if due else None, int(trouble), stored))
    return found


def page(redis: Redis, most: int, after: str = "") -> list[Queue]:
    """Return the first queues by their names in addresses, after one of them. Raises redis.RedisError."""
    with redis.pipeline(transaction=False) as pipe:
        for number in range(PARTITIONS):
            pipe.smembers(keys.partition(number, "queues"))
        names = (name for found in pipe.execute() for name in found)
    last = after.encode()
    return [Queue.parse(name.decode()) for name in nsmallest(most, (name for name in names if name > last))]


def meant(every: Sequence[QueueRow], given: str) -> list[AudienceName]:
    """Return the queues that a person may mean by an id, a target or a name; all if none fits, for similar names."""
    target, folded = b"/" + quote(given, safe="").encode(), given.casefold()
    fitting = [
        row
        for row in every
        if row.stored_queue.endswith(target)
        or row.queue == given
        or (row.stored_name and row.name.casefold() == folded)
    ]
    return sorted(AudienceName(Queue.parse(row.queue), row.name) for row in fitting or every)
