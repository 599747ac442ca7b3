"""The name of a queue: which connection, which kind of change, which target."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from urllib.parse import quote, unquote

#: Queues are spread over this many partitions. Fixed for ever: a queue that changed its partition would lose its keys.
PARTITIONS = 16
#: Target of the queue that keeps what a CDP sent without an audience that could be read.
UNREADABLE = "unreadable"
#: Of the kinds that have one queue in each connection.
TARGETS = {"profile": "profiles", "event": "events", "consent": "consents", "erasure": "erasures"}


@dataclass(frozen=True, slots=True, order=True)
class Queue:
    """The pending changes for one destination, written `connection/kind/target`.

    `target` is the CDP's audience id where the kind is `audience` or `snapshot`, else that of TARGETS: one queue
    of these for each connection, so that the order of a person holds over all of it.
    """

    connection: str
    kind: str
    target: str

    def __post_init__(self) -> None:
        """Raises ValueError for a part that is empty: `parse` could not read the name again, nor anybody all names."""
        if not (self.connection and self.kind and self.target):
            raise ValueError(f"{self} is not the name of a queue: a part of it is empty")

    def __str__(self) -> str:
        return "/".join(quote(part, safe="") for part in (self.connection, self.kind, self.target))

    @classmethod
    def parse(cls, text: str) -> Queue:
        """Read `connection/kind/target`. Raises ValueError for any other shape."""
        parts = text.split("/")
        if len(parts) != 3 or not all(parts):
            raise ValueError(f"{text!r} is not the name of a queue; expected connection/kind/target")
        return cls(*(unquote(part) for part in parts))

    @property
    def partition(self) -> int:
        """0 to 15, from a hash that never changes between versions or machines."""
        return zlib.crc32(str(self).encode()) % PARTITIONS
