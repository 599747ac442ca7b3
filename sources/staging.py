"""Write a result to the local disk, to its end, before anything is done with it.

So a connection that breaks never looks like a short result, and no transaction of the source stays open while Ferry's
own Redis is slow: PostgreSQL ends a reader that pauses (idle_in_transaction_session_timeout).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import msgspec

from sources.errors import SourceError
from sources.reading import Reading
from sources.results import ResultColumn

#: Bytes of a piece.
_PIECE: Final = 262_144
# A decimal must stay a number: written as text it would become a text property.
_encode = msgspec.json.Encoder(decimal_format="number").encode_lines


@dataclass(frozen=True, slots=True)
class StagedResult:
    """A complete result as NDJSON in a file without a name, which is gone when it is closed or the process dies.

    `left_out`: column -> reason -> cells. `sha256_of_sql`: of the SQL, to notice that it changed. `seconds`: from the
    start of the query to the last row.
    """

    file: IO[bytes]
    rows: int
    columns: tuple[ResultColumn, ...]
    left_out: Mapping[str, Mapping[str, int]]
    sha256_of_sql: str
    seconds: float

    def pieces(self) -> Iterator[bytes]:
        """Yield the NDJSON in pieces, each time from the beginning."""
        self.file.seek(0)
        yield from iter(lambda: self.file.read(_PIECE), b"")

    def close(self) -> None:
        """Delete the file."""
        self.file.close()


def stage(reading: Reading, folder: Path) -> StagedResult:
    """Write all rows into a file in `folder`, and end the reading. Raises SourceError, and leaves no file."""
    with closing(reading):
        with _on_disk(folder):
            file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # it outlives this function
        try:
            rows = _written(reading, file, folder)
        except BaseException:
            with suppress(OSError):  # closing writes what is left, and the disk may be full
                file.close()
            raise
    seconds = time.monotonic() - reading.started
    left_out = {column: dict(reasons) for column, reasons in reading.left_out.items()}
    return StagedResult(file, rows, reading.columns, left_out, reading.sha256_of_sql, seconds)


@contextmanager
def _on_disk(folder: Path) -> Iterator[None]:
    """Name a fault of the local disk. Only around its own calls: a driver raises OSError, too."""
    try:
        yield
    except OSError as fault:
        remedy = f"make room in {folder}, or correct its rights"
        raise SourceError("disk_full", remedy, type(fault).__name__) from fault


def _written(reading: Reading, file: IO[bytes], folder: Path) -> int:
    rows = 0
    for batch in reading.batches:
        with _on_disk(folder):
            file.write(_encode(batch))
        rows += len(batch)
    with _on_disk(folder):
        file.flush()
    return rows
