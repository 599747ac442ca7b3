"""Read the body of a snapshot in any format as rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from identity.blocked import DEFAULT, Blocked
from mappings.columns import NO_SETTINGS, ColumnSettings
from mappings.rules import Rules
from queues.snapshots.orders import Format
from snapshots import csv_rows, json_rows, mparticle_csv
from snapshots.customers import Described
from snapshots.opening import opened
from snapshots.persons import PersonReader
from snapshots.report import ReadReport
from snapshots.rows import Selection, SnapshotRow, Unusable

_Reader = Callable[[Iterator[bytes], ColumnSettings, Selection, ReadReport], Iterator[Described]]
_READERS: Final[dict[Format, _Reader]] = {
    "csv": csv_rows.described,
    "ndjson": json_rows.described_lines,
    "json": json_rows.described,
    "mparticle_csv": mparticle_csv.described,
}
#: Bytes of UTF-8 that are checked before a body is stored: all of a piece in any encoding, a part of a compressed one.
_BEGINNING: Final = 786_432


def rows(
    pieces: Iterator[bytes],
    form: Format,
    gzip: bool,
    selection: Selection,
    rules: Rules | None = None,
    blocked: Blocked = DEFAULT,
    settings: ColumnSettings = NO_SETTINGS,
    charset: str = "",
    report: ReadReport | None = None,
) -> Iterator[SnapshotRow | Unusable]:
    """Yield every person of the body, in order, and each row that cannot be sent.

    A customer with several e-mails is several people. `rules`: the rules of the destination, for reading a phone
    without country code. `blocked`: values that identify nobody. `settings`: the user's columns. `charset`: the
    announced encoding, empty for none. `report`: filled while the rows are read. Raises Unreadable.
    """
    report = ReadReport() if report is None else report
    reader = PersonReader(selection, rules or Rules(), blocked, report, settings.nulls)
    plain = opened(pieces, gzip, charset, report)
    for described in _READERS[form](plain, settings, selection, report):
        yield from reader.people(described)


class _Enough(Exception):
    """The beginning of a body is read."""


def check_beginning(
    piece: bytes, whole: bool, form: Format, gzip: bool, settings: ColumnSettings, charset: str = ""
) -> None:
    """Read the beginning of a body and drop the rows. Raises Unreadable, before the sender gets its answer.

    `piece`: the first bytes as sent, at most 262,144; `whole`: they are all.
    """

    def sent() -> Iterator[bytes]:
        yield piece
        if not whole:
            raise _Enough

    def limited(pieces: Iterator[bytes]) -> Iterator[bytes]:
        size = 0
        for part in pieces:
            yield part
            size += len(part)
            if size >= _BEGINNING:
                raise _Enough

    report = ReadReport()
    try:
        plain = limited(opened(sent(), gzip, charset, report))
        for _ in _READERS[form](plain, settings, Selection(), report):
            pass
    except _Enough:
        pass
