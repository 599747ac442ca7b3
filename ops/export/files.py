"""Files for Klaviyo's SFTP import: CSVs that are small enough, each with a header."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Final

from mappings.profile import Profile
from ops.export.columns import LARGEST, CsvColumns, create
from text.escaping import csv_line

#: The first three names are documented (Klaviyo: SFTP import; Amperity: Klaviyo destination). Klaviyo's names for the
#: other fields are not, so they follow the same style; a small file shows whether Klaviyo accepts them.
COLUMNS: Final = CsvColumns(
    {
        "email": "Email",
        "phone_number": "PhoneNumber",
        "external_id": "ExternalID",
        "first_name": "FirstName",
        "last_name": "LastName",
        "organization": "Organization",
        "title": "Title",
        "image": "Image",
        "locale": "Locale",
        "location.address1": "Address1",
        "location.address2": "Address2",
        "location.city": "City",
        "location.region": "Region",
        "location.zip": "Zip",
        "location.country": "Country",
        "location.timezone": "Timezone",
        "location.latitude": "Latitude",
        "location.longitude": "Longitude",
        "location.ip": "IP",
    }
)
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(slots=True)
class Written:
    """The files in order, and the number of people in them."""

    files: list[Path] = field(default_factory=list)
    people: int = 0


def write(
    people: Iterable[Profile], folder: Path, audience: str, largest: int = LARGEST, *, safe: bool = False
) -> Written:
    """Write new files `ferry-<audience>-<n>.csv` of at most `largest` bytes each, readable only by their owner.

    `safe`: for a spreadsheet, and not for Klaviyo. Memory stays small: people are kept in an unnamed temporary file
    until all columns are known. Raises Failed for a file that already exists, and what `people` raises; no file is left
    behind then.
    """
    written = Written()
    with TemporaryFile() as spool:
        used: set[str] = set()
        for profile in people:
            cells = COLUMNS.cells(profile)
            used.update(cells)
            spool.write(json.dumps(cells).encode() + b"\n")
            written.people += 1
        spool.seek(0)
        names = COLUMNS.ordered(used)
        lines = (csv_line([row.get(name, "") for name in names], safe) for row in map(json.loads, spool))
        if names:
            _split(csv_line(names, safe), lines, folder, _UNSAFE.sub("-", audience), largest, written.files)
    return written


def _split(header: bytes, lines: Iterable[bytes], folder: Path, audience: str, largest: int, files: list[Path]) -> None:
    try:
        with ExitStack() as opened:
            file, size = None, 0
            for line in lines:
                if file is None or size + len(line) > largest:
                    opened.close()
                    file = _next(folder, audience, files, opened)
                    size = file.write(header)
                size += file.write(line)
    except BaseException:
        # A part of an audience must not be mistaken for all of it.
        for path in files:
            path.unlink(missing_ok=True)
        raise


def _next(folder: Path, audience: str, files: list[Path], opened: ExitStack) -> BinaryIO:
    path = folder / f"ferry-{audience}-{len(files) + 1}.csv"
    file = opened.enter_context(create(path))
    files.append(path)
    return file
