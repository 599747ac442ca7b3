"""Parquet files, as the lines of JSON that a snapshot may be made of."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ops.errors import Failed

#: Rows in memory at a time.
_ROWS = 1_000
# Numbers stay numbers: a decimal written as text would become a text property.
_encode = msgspec.json.Encoder(decimal_format="number").encode_lines


def lines(file: Path) -> Iterator[bytes]:
    """NDJSON of some thousand rows at a time, a column a key; a null stays null.

    Raises Failed where pyarrow is not installed, and for a file that it cannot read.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as fault:
        install = f"{sys.executable} -m pip install --require-hashes -r requirements-parquet.txt"
        raise Failed(f"Parquet needs pyarrow. Install it in Ferry's folder with: {install}") from fault
    try:
        with parquet.ParquetFile(file) as opened:
            for batch in opened.iter_batches(batch_size=_ROWS):
                yield _encode(batch.to_pylist())
    except (pyarrow.ArrowException, OSError, msgspec.EncodeError, TypeError) as fault:
        raise Failed(f"{file} cannot be read as Parquet ({fault}). Export it again, or as CSV.") from fault
