"""Read the CSV of a real-time audience, one row for each identity (mParticle: audience CSV download)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

from mappings.columns import ColumnSettings
from mappings.identifiers import EMAIL, EXTERNAL_ID, firehose_type
from snapshots.csv_rows import table
from snapshots.customers import Described
from snapshots.report import ReadReport
from snapshots.rows import Selection, Unreadable

HEADER: Final = ("mpid", "scanned_timestamp_ms", "identity_value", "identity_type")


def described(
    pieces: Iterator[bytes], settings: ColumnSettings, selection: Selection, report: ReadReport
) -> Iterator[Described]:
    """Yield one customer for each mpid, with the number of its last row; its rows are adjacent. Raises Unreadable.

    Every e-mail counts; a customer without one cannot be sent, because mParticle's audiences also use e-mails. The
    columns have fixed meanings, so neither settings nor selection matter, and nothing is reported.
    """
    rows = table(pieces)
    if tuple(cell.strip() for cell in next(rows, [])) != HEADER:
        raise Unreadable(
            f"the first line is not mParticle's header {', '.join(HEADER)}: send the downloaded CSV unchanged"
        )
    number = 0
    for mpid, group in groupby(rows, key=lambda row: row[0]):
        identities = [(firehose_type(type_), value) for _, _, value, type_ in group]
        number += len(identities)
        yield Described(number, _known(identities), {}, mpid, "email_missing")


def _known(identities: list[tuple[str | None, str]]) -> dict[str, Any]:
    emails = [value for type_, value in identities if type_ == "email"]
    ids = [value for type_, value in identities if type_ == "customer"]
    return {EMAIL: emails, EXTERNAL_ID: ids[0] if ids and emails else None}
