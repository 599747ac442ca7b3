"""The file of `ferry sync`: its format, and its content in pieces.

mParticle's audience download is a folder, unpacked from its ZIP file, with CSV files and a manifest.json that describes
them (mParticle, "Audiences", download format). Parquet files and workbooks are read as lines of JSON.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import IO, Final, Literal

import click
import msgspec

from ops.errors import Failed
from ops.sync import parquet_rows, xlsx_rows
from ops.sync.parquet_rows import LeftOutCounts
from queues.snapshots.orders import PIECE, Format

STDIN: Final = "-"
Kind = Literal["csv", "ndjson", "json", "parquet", "xlsx", "mparticle-csv", "mparticle-lines"]
KINDS: Final[tuple[Kind, ...]] = ("csv", "ndjson", "json", "parquet", "xlsx", "mparticle-csv", "mparticle-lines")
#: Files that are no text: read from their end, as lines of JSON.
TABLES: Final[dict[Kind, Callable[[Path, LeftOutCounts], Iterator[bytes]]]] = {
    "parquet": parquet_rows.lines,
    "xlsx": xlsx_rows.lines,
}
#: The format of the pieces of each kind; mParticle's lines are not a snapshot.
FORMATS: Final[dict[Kind, Format]] = {
    "csv": "csv",
    "ndjson": "ndjson",
    "json": "json",
    "parquet": "ndjson",
    "xlsx": "ndjson",
    "mparticle-csv": "mparticle_csv",
}
_ENDINGS: Final[dict[str, Kind]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
}
_GZIP: Final = b"\x1f\x8b"
#: Columns of an audience that was downloaded from mParticle, and a key that each line of its other exports has.
_DOWNLOAD: Final = ["mpid", "scanned_timestamp_ms", "identity_value", "identity_type"]
_EXPORTED: Final = ({"IsMember", "UserIdentities"}, {"IsAddRequest", "IdentityValues"})


@dataclass(frozen=True, slots=True)
class Source:
    """A source. `size`: bytes of the file, None for standard input. `rows` and `at` (ms): from mParticle's manifest.

    `left_out`: column -> reason -> values of a table that are left out, complete after the last piece.
    """

    kind: Kind
    gzip: bool
    pieces: Iterator[bytes]
    size: int | None = None
    rows: int | None = None
    at: int | None = None
    left_out: LeftOutCounts = field(default_factory=dict)


def source(file: str, kind: Kind | None, audience: str) -> Source:
    """Return the source for a file, a folder with mParticle's manifest.json, or standard input (`-`).

    `kind`: None to detect it from the content or the file's ending. Raises click.UsageError if that is not possible,
    Failed if the file cannot be opened.
    """
    if file == STDIN:
        stream = click.open_file(STDIN, "rb")
        first = stream.read(PIECE)
        return _source(first, chain([first] if first else [], _rest(stream)), kind, Path("standard input"))
    path, entry = Path(file), None
    if path.is_dir():
        path, entry = choose_file(path, audience)
    if (table := kind or _by_ending(path)) in TABLES:
        left_out: LeftOutCounts = {}
        return Source(table, False, TABLES[table](path, left_out), path.stat().st_size, left_out=left_out)
    entry = entry or beside(path)
    try:
        with path.open("rb") as opened:
            first = opened.read(PIECE)
        found = replace(_source(first, _pieces(path), kind, path), size=path.stat().st_size)
        return replace(found, rows=entry.total_rows, at=entry.min_timestamp_ms) if entry else found
    except OSError as fault:
        raise Failed(f"{path}: {fault.strerror}") from fault


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as opened:
        yield from _rest(opened)


def _rest(opened: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: opened.read(PIECE), b"")


def _source(first: bytes, pieces: Iterator[bytes], kind: Kind | None, name: Path) -> Source:
    if kind in TABLES:
        raise click.UsageError(f"a file of the format {kind} is read from its end: give its name instead of -")
    gzip = first.startswith(_GZIP)
    kind = kind or _by_content(_plain(first) if gzip else first) or _by_ending(name)
    if kind is None:
        raise click.UsageError(f"the format of {name} cannot be detected; name it with --format")
    return Source(kind, gzip, pieces)


def _plain(first: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(first, PIECE)
    except zlib.error:
        return b""  # the reader of the whole file reports the fault and its place


def _by_ending(path: Path) -> Kind | None:
    return _ENDINGS.get(Path(path.name.removesuffix(".gz")).suffix.lower())


def _by_content(beginning: bytes) -> Kind | None:
    line = beginning.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0]
    if [column.strip() for column in line.decode(errors="replace").split(",")] == _DOWNLOAD:
        return "mparticle-csv"
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return "mparticle-lines" if isinstance(value, dict) and any(keys <= value.keys() for keys in _EXPORTED) else None


NAME = "manifest.json"


class DownloadEntry(msgspec.Struct, frozen=True):
    """A file of a download. `min_timestamp_ms`: when its first members were read."""

    file_name: str
    total_rows: int
    min_timestamp_ms: int


class _Manifest(msgspec.Struct, frozen=True):
    files: list[DownloadEntry]


_decode = msgspec.json.Decoder(_Manifest).decode


def choose_file(folder: Path, audience: str) -> tuple[Path, DownloadEntry]:
    """Return the file of this audience (its id) in an unpacked download, and its entry in the manifest.

    Raises Failed for a manifest that cannot be read, click.UsageError if it is unclear which file is meant.
    """
    files = _read(folder / NAME).files
    fitting = files if len(files) == 1 else [each for each in files if each.file_name.startswith(f"{audience}_")]
    if len(fitting) != 1:
        there = "\n".join(f"  {folder / each.file_name}" for each in files)
        raise click.UsageError(f"{folder} has {len(files)} files; name the one of audience {audience}:\n{there}")
    return folder / fitting[0].file_name, fitting[0]


def beside(file: Path) -> DownloadEntry | None:
    """Return the file's entry in a manifest in the same folder; None if there is none. Raises Failed."""
    manifest = file.parent / NAME
    if not manifest.is_file():
        return None
    return next((each for each in _read(manifest).files if each.file_name == file.name), None)


def _read(manifest: Path) -> _Manifest:
    try:
        return _decode(manifest.read_bytes())
    except OSError as fault:
        raise Failed(f"{manifest}: {fault.strerror}. Unpack the whole download, or name its CSV file.") from fault
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise Failed(f"{manifest} is not a manifest of mParticle ({fault}). Download the audience again.") from fault
