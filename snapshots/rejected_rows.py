"""The rows of a snapshot that cannot be sent, as CSV: their numbers and reasons, nobody's data. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from queues.snapshots.records import Counts
from text.escaping import csv_line


def rejected_csv(counts: Counts, numbers: Mapping[str, Sequence[int]]) -> str:
    """Return the rejected rows, in the order of the file, and last how many numbers are not kept.

    `numbers`: of rows, by reason; at most 10,000 of each reason are kept, and none of an earlier version's snapshots.
    For a spreadsheet: no cell is a formula.
    """
    listed = sorted({(row, reason) for reason, rows in numbers.items() for row in rows})
    found = [("row", "reason"), *((str(row), reason) for row, reason in listed)]
    for reason, people in sorted(counts.shrink.items()):
        if more := people - len(numbers.get(reason, ())):
            found.append((f"{more:,} more", reason))
    return b"".join(csv_line(cells, safe=True) for cells in found).decode()
