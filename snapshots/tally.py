"""How many rows go by, and of which nobody can be sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from snapshots.rows import Row, Unusable

#: Numbers of rows kept for each reason for which some cannot be sent.
EXAMPLES: Final = 10


class Tally:
    """`last`: number of the last row. `people`: usable rows. `shrink`: the others by reason; `examples`: of those."""

    def __init__(self) -> None:
        self.last = 0
        self.people = 0
        self.shrink: Counter[str] = Counter()
        self.examples: dict[str, list[int]] = {}

    def usable(self, rows: Iterable[Row | Unusable]) -> Iterator[Row]:
        """The usable rows; all are counted as they go by."""
        for row in rows:
            self.last = row.number
            if isinstance(row, Row):
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
