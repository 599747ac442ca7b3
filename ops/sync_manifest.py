"""mParticle's audience download: CSV files, and a manifest.json beside them that says what they hold.

Source: mParticle, "Audiences", download format. The folder is what its ZIP file unpacks to.
"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from ops.errors import Failed

NAME = "manifest.json"


class Entry(msgspec.Struct, frozen=True):
    """One file of a download. `min_timestamp_ms`: ms at which the first of its members were read."""

    file_name: str
    total_rows: int
    min_timestamp_ms: int


class _Manifest(msgspec.Struct, frozen=True):
    files: list[Entry]


_decode = msgspec.json.Decoder(_Manifest).decode


def chosen(folder: Path, audience: str) -> tuple[Path, Entry]:
    """The file of this audience (its id) in an unpacked download, and what the manifest says of it.

    Raises Failed for a manifest that cannot be read, click.UsageError where it is not clear which file is meant.
    """
    files = _read(folder / NAME).files
    fitting = files if len(files) == 1 else [each for each in files if each.file_name.startswith(f"{audience}_")]
    if len(fitting) != 1:
        there = "\n".join(f"  {folder / each.file_name}" for each in files)
        raise click.UsageError(f"{folder} has {len(files)} files; name the one of audience {audience}:\n{there}")
    return folder / fitting[0].file_name, fitting[0]


def beside(file: Path) -> Entry | None:
    """What a manifest beside the file says of it; None where there is none, or it is of other files. Raises Failed."""
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
        raise Failed(f"{manifest} is not mParticle's ({fault}). Download the audience again.") from fault
