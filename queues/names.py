"""The name of a queue: connection, kind of change, and target."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import quote, unquote

Each = TypeVar("Each")

#: Number of partitions that queues are spread over. It can never change: a queue's keys are found by its partition.
PARTITIONS = 16
#: Target of the queue for messages without a readable audience.
UNREADABLE = "unreadable"
#: Targets of the kinds that have one queue per connection.
TARGETS = {"profile": "profiles", "event": "events", "consent": "consents", "erasure": "erasures"}
#: A name whose parts are written as they are.
_PLAIN: Final = re.compile(r"[\w.~-]+/[\w.~-]+/[\w.~-]+", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Queue:
    """The pending changes for one destination, written `connection/kind/target`.

    `target` is the CDP's audience id if the kind is `audience` or `snapshot`, else the one in TARGETS: such a kind has
    one queue per connection, so that each person's changes stay in order.
    """

    connection: str
    kind: str
    target: str
    # Every key of the queue contains it, so it is asked very often.
    _text: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ValueError for an empty part, because `parse` could not read the name."""
        text = "/".join(quote(part, safe="") for part in (self.connection, self.kind, self.target))
        object.__setattr__(self, "_text", text)
        if not (self.connection and self.kind and self.target):
            raise ValueError(f"{self} is not the name of a queue: a part of it is empty")

    def __str__(self) -> str:
        return self._text

    def __hash__(self) -> int:
        # A queue is the key of many look-ups, and a text remembers its hash.
        return hash(self._text)

    @classmethod
    def parse(cls, text: str) -> Queue:
        """Read `connection/kind/target`. Raises ValueError for any other shape."""
        if _PLAIN.fullmatch(text):
            return cls._plain(text)
        parts = text.split("/")
        if len(parts) != 3 or not all(parts):
            raise ValueError(f"{text!r} is not the name of a queue; expected connection/kind/target")
        return cls(*(unquote(part) for part in parts))

    @classmethod
    def _plain(cls, text: str) -> Queue:
        # A hundred thousand names are read at once, and most have nothing to quote.
        queue, fill = object.__new__(cls), object.__setattr__
        connection, kind, target = text.split("/")
        fill(queue, "connection", connection)
        fill(queue, "kind", kind)
        fill(queue, "target", target)
        fill(queue, "_text", text)
        return queue

    @property
    def partition(self) -> int:
        """The partition, 0 to 15, from a hash that is the same in all versions and on all machines."""
        return zlib.crc32(str(self).encode()) % PARTITIONS


def by_partition(
    every: Iterable[Each], partition: Callable[[Each], int], at_once: int
) -> Iterator[tuple[int, list[Each]]]:
    """Divide into calls of one partition each, of at most `at_once` items, and keep their order within a partition."""
    found: dict[int, list[Each]] = {}
    for each in every:
        found.setdefault(partition(each), []).append(each)
    for number, some in found.items():
        yield from ((number, some[start : start + at_once]) for start in range(0, len(some), at_once))


def erasures_of(connection: str) -> Queue:
    """Return the queue of the requests for erasure of a connection."""
    return Queue(connection, "erasure", TARGETS["erasure"])
