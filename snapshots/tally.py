"""How many rows go by, and of which nobody can be sent.

A temporary database on disk, for a million rows that come in any order and leave by bucket, in little memory.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from snapshots.rows import SnapshotRow, Unusable

#: Numbers of rows kept for each reason for which some cannot be sent.
EXAMPLES: Final = 10


class Tally:
    """`last`: number of the last row. `people`: usable rows. `shrink`: the others by reason; `examples`: of those."""

    def __init__(self) -> None:
        self.last = 0
        self.people = 0
        self.shrink: Counter[str] = Counter()
        self.examples: dict[str, list[int]] = {}

    def usable(self, rows: Iterable[SnapshotRow | Unusable]) -> Iterator[SnapshotRow]:
        """The usable rows; all are counted as they go by."""
        for row in rows:
            self.last = row.number
            if isinstance(row, SnapshotRow):
                self.people += 1
                yield row
                continue
            self._note(row)

    def refuse(self, row: Unusable) -> None:
        """Of one that went by as usable nobody can be sent after all."""
        self.people -= 1
        self._note(row)

    def _note(self, row: Unusable) -> None:
        self.shrink[row.reason] += 1
        exemplify(self.examples, row)


def exemplify(examples: dict[str, list[int]], row: Unusable) -> None:
    """Keep the number of the row, if it is one of the first for its reason."""
    if len(numbers := examples.setdefault(row.reason, [])) < EXAMPLES:
        numbers.append(row.number)


#: KiB that SQLite keeps in memory.
_CACHE: Final = 16_384


def opened(schema: str) -> sqlite3.Connection:
    """A private database that is gone when it is closed or the process dies. `schema`: SQL of its tables.

    Everything is one transaction that never ends, and nothing is made safe against a crash: whoever dies starts anew.
    """
    # The empty name: SQLite makes a file without a name, so that no personal data outlives a killed process.
    shelf = sqlite3.connect("", isolation_level=None)
    shelf.executescript(
        f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-{_CACHE}; {schema} BEGIN;"
    )
    return shelf
