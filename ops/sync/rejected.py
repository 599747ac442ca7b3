"""Write the rows of a file that cannot be sent into a CSV, with the reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ops.export.columns import create
from ops.sync.source import Source
from queues.snapshots.orders import SnapshotOrder
from snapshots.csv_rows import table
from snapshots.opening import opened
from snapshots.report import ReadReport
from text.escaping import csv_line


def write(path: Path, rejected: Mapping[str, Sequence[int]], source: Source, order: SnapshotOrder) -> int:
    """Write a new file that only its owner can read, and return the number of rows.

    `rejected`: reason -> numbers of rows. `source`: the file, read once more; the cells of a CSV are joined. Cells are
    defused for a spreadsheet. Raises Failed for a file that exists.
    """
    reasons = {number: reason for reason, numbers in rejected.items() for number in numbers}
    with create(path) as file:
        for cells in _rows(reasons, source, order):
            file.write(csv_line(cells, safe=True))
    return len(reasons)


def _rows(reasons: Mapping[int, str], source: Source, order: SnapshotOrder) -> Iterator[list[str]]:
    if order.format != "csv":
        yield ["row", "reason"]
        yield from ([str(number), reasons[number]] for number in sorted(reasons))
        return
    cells = table(opened(source.pieces, order.gzip, order.charset, ReadReport()))
    yield ["row", "reason", *next(cells, [])]
    for number, row in enumerate(cells, start=1):
        if number in reasons:
            yield [str(number), reasons[number], *row]
