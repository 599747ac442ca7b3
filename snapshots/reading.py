"""Read the body of a snapshot in any format as rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from identity.blocked import DEFAULT, Blocked
from mappings.rules import Rules
from queues.snapshots.orders import Format
from snapshots import csv_rows, json_rows, mparticle_csv
from snapshots.lines import unpacked
from snapshots.persons import Described, people
from snapshots.rows import Selection, SnapshotRow, Unusable

_READERS: Final[dict[Format, Callable[[Iterator[bytes]], Iterator[Described]]]] = {
    "csv": csv_rows.described,
    "ndjson": json_rows.described_lines,
    "json": json_rows.described,
    "mparticle_csv": mparticle_csv.described,
}


def rows(
    pieces: Iterator[bytes],
    form: Format,
    gzip: bool,
    selection: Selection,
    rules: Rules | None = None,
    blocked: Blocked = DEFAULT,
) -> Iterator[SnapshotRow | Unusable]:
    """Yield every person of the body, in order, and each row that cannot be sent.

    A customer with several e-mails is several people. `rules`: the rules of the destination, for reading a phone
    without country code. `blocked`: values that identify nobody. Raises Unreadable.
    """
    rules = rules or Rules()
    for described in _READERS[form](unpacked(pieces, gzip)):
        yield from people(described, selection, rules, blocked)
