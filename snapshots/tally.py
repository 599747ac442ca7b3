"""Count the rows of a snapshot and those that cannot be sent.

Also a temporary database on disk that sorts a million rows by bucket in little memory.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from snapshots.rows import SnapshotRow, Unusable

#: Row numbers kept for each reason for which rows cannot be sent, and those that records show.
KEPT: Final = 10_000
EXAMPLES: Final = 10
#: KiB that SQLite keeps in memory.
_CACHE: Final = 16_384


class Tally:
    """The counts of rows.

    `last`: number of the last row. `people`: usable rows. `shrink`: the others by reason; `examples`: their numbers.
    """

    def __init__(self) -> None:
        self.last = 0
        self.people = 0
        self.shrink: Counter[str] = Counter()
        self.examples: dict[str, list[int]] = {}

    def usable(self, rows: Iterable[SnapshotRow | Unusable]) -> Iterator[SnapshotRow]:
        """Yield the usable rows and count all rows."""
        for row in rows:
            self.last = row.number
            if isinstance(row, SnapshotRow):
                self.people += 1
                yield row
                continue
            self._note(row)

    def refuse(self, row: Unusable) -> None:
        """Count a row as unusable that was counted as usable before."""
        self.people -= 1
        self._note(row)

    def _note(self, row: Unusable) -> None:
        self.shrink[row.reason] += 1
        exemplify(self.examples, row)


def exemplify(examples: dict[str, list[int]], row: Unusable) -> None:
    """Keep the number of the row if it is one of the first for its reason."""
    if len(numbers := examples.setdefault(row.reason, [])) < KEPT:
        numbers.append(row.number)


def first(examples: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Return the numbers of the first rows for each reason."""
    return {reason: [*numbers[:EXAMPLES]] for reason, numbers in examples.items()}


def opened(schema: str) -> sqlite3.Connection:
    """Open a private database that disappears when it is closed or the process dies. `schema`: SQL of its tables.

    Everything is one transaction that never ends, without protection against a crash: a crashed job starts again.
    """
    # With the empty name, SQLite creates an unnamed file, so no personal data outlives a killed process.
    shelf = sqlite3.connect("", isolation_level=None)
    shelf.executescript(
        f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-{_CACHE}; {schema} BEGIN;"
    )
    return shelf
