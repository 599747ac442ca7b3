"""All queues as rows of a table, with the figures that the scripts keep (figures.py): for choosing a few of many."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol, cast
from urllib.parse import unquote

from redis import Redis

from queues import keys
from queues.counts import QueueCount
from queues.figures import Figures, trouble
from queues.names import PARTITIONS, Queue


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
    """A row. `queue`: its name in addresses; `name`: of the audience, or "".

    `due`: ms at which the flush policy checks it, 0 for at once; None without pending changes. `figures`: those of
    `Figures` that are not 0, and `oldest` in ms.
    """

    queue: str
    name: str
    due: float | None
    figures: Mapping[str, int]

    @classmethod
    def of(cls, count: QueueCount) -> QueueRow:
        """Return the row of a queue that was counted."""
        figures = Figures.of(count)
        named = {name: getattr(figures, name) or 0 for name in _SHOWN}
        return cls(str(count.queue), count.name, count.due, named)

    @property
    def connection(self) -> str:
        """The connection."""
        return unquote(self.queue.partition("/")[0])

    def figure(self, name: str) -> int:
        """Return a figure."""
        return self.figures.get(name, 0)

    def is_held(self, held: Collection[str]) -> bool:
        """Return whether the queue or its connection is held. `held`: the connections that are."""
        return self.figure("held") > 0 or (bool(held) and self.connection in held)

    def trouble(self, held: Collection[str]) -> int:
        """Return what is wrong, as `figures.trouble_of` does, with the holds of these connections."""
        return trouble(
            missing=self.figure("missing") > 0,
            held=self.is_held(held),
            failing=self.figure("failing") > 0,
            letters=self.figure("kept") > 0,
        )


#: Picks the queues to show, by name: of the rows, with the connections that are held.
Pick = Callable[[Sequence[QueueRow], Collection[str]], list[str]]
_SHOWN = ("pending", "open", "unsettled", "delivered", "kept", "held", "failing", "missing", "oldest")


def rows(redis: Redis) -> list[QueueRow]:
    """Return the rows of all queues; twenty thousand take about a tenth of a second. Raises redis.RedisError."""
    with redis.pipeline(transaction=False) as pipe:
        for number in range(PARTITIONS):
            pipe.hgetall(keys.partition(number, "rows"))
            pipe.hgetall(keys.partition(number, "names"))
            pipe.zrange(keys.partition(number, "due"), 0, -1, withscores=True)
        answers = pipe.execute()
    found: list[QueueRow] = []
    for stored, names, due in zip(answers[::3], answers[1::3], answers[2::3], strict=True):
        at = dict(cast("list[tuple[bytes, float]]", due))
        found += [
            QueueRow(queue.decode(), names.get(queue, b"").decode(), at.get(queue), _figures(row))
            for queue, row in stored.items()
        ]
    return found


def named(redis: Redis) -> list[AudienceName]:
    """Return all queues with the names of their audiences. Raises redis.RedisError."""
    with redis.pipeline(transaction=False) as pipe:
        for number in range(PARTITIONS):
            pipe.smembers(keys.partition(number, "queues"))
            pipe.hgetall(keys.partition(number, "names"))
        answers = pipe.execute()
    found = zip(answers[::2], answers[1::2], strict=True)
    return sorted(
        AudienceName(Queue.parse(queue.decode()), names.get(queue, b"").decode())
        for queues, names in found
        for queue in queues
    )


def _figures(row: bytes) -> dict[str, int]:
    parts = row.decode().split(" ")
    return dict(zip(parts[::2], map(int, parts[1::2]), strict=True))
