"""All queues as rows of a table, with the figures that the scripts keep (figures.py): for choosing a few of many."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from heapq import nsmallest
from typing import Final, NamedTuple, Protocol
from urllib.parse import quote, unquote

from redis import Redis

from queues import keys
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
    """A row. `stored`: a space and its figures as lua/_figures.lua writes them; read when asked for, as most never are.

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
        stored = "".join(f" {name} {figure}" for name in _SHOWN if (figure := getattr(figures, name)))
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
        """Return a figure of `Figures` that tables show; `oldest` is 0 without pending changes."""
        sought = _SOUGHT[name]
        at = self.stored.find(sought)
        if at < 0:
            return 0
        first = at + len(sought)
        end = self.stored.find(b" ", first)
        return int(self.stored[first:end] if end >= 0 else self.stored[first:])

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


_SHOWN: Final = ("pending", "open", "batches", "unsettled", "delivered", "kept", "held", "failing", "missing", "oldest")
_SOUGHT: Final = {name: f" {name} ".encode() for name in _SHOWN}


def rows(redis: Redis) -> list[QueueRow]:
    """Return the rows of all queues; a hundred thousand take about half a second. Raises redis.RedisError."""
    with redis.pipeline(transaction=False) as pipe:
        for number in range(PARTITIONS):
            pipe.hgetall(keys.partition(number, "rows"))
            pipe.hgetall(keys.partition(number, "names"))
            pipe.zrange(keys.partition(number, "due"), 0, -1, withscores=True)
            pipe.zrange(keys.partition(number, "trouble"), 0, -1, withscores=True)
        answers = pipe.execute()
    parts = (answers[start : start + 4] for start in range(0, len(answers), 4))
    return [row for stored, names, due, trouble in parts for row in _rows(stored, names, dict(due), dict(trouble))]


def _rows(
    stored: Mapping[bytes, bytes],
    names: Mapping[bytes, bytes],
    due: Mapping[bytes, float],
    trouble: Mapping[bytes, float],
) -> Iterator[QueueRow]:
    for queue, figures in stored.items():
        yield QueueRow(queue, names.get(queue, b""), due.get(queue), int(trouble.get(queue, 0)), b" " + figures)


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
