"""The columns and cells of CSV files that Klaviyo imports, and the creation of such files.

Every value stays unchanged, even one that a spreadsheet would read as a formula: Klaviyo reads these files, and a quote
before `=1+1` or `+14155552671` would become part of the person's data. --csv-safe writes files for a spreadsheet.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from mappings.profile import Profile
from ops.errors import Failed

#: Bytes that Klaviyo accepts in one file (Klaviyo: uploading contacts from a CSV).
LARGEST: Final = 50_000_000


@dataclass(frozen=True, slots=True)
class CsvColumns:
    """Columns. `headers`: Klaviyo's header by the profile's field, in order. `always`: present even if empty."""

    headers: Mapping[str, str]
    always: tuple[str, ...] = ()

    def cells(self, profile: Profile) -> dict[str, str]:
        """Return the cells by header: properties become columns of their name, lists are JSON."""
        return dict(self._cells(profile))

    def ordered(self, used: Collection[str]) -> list[str]:
        """Return the headers of a file that uses these: Klaviyo's own first, then properties by name."""
        own = [header for header in self.headers.values() if header in used or header in self.always]
        return own + sorted(set(used).difference(own))

    def _cells(self, profile: Profile) -> Iterator[tuple[str, str]]:
        for name, value in profile.attributes.items():
            if name == "location":
                yield from ((self.headers[f"location.{part}"], _cell(each)) for part, each in value.items())
            elif name == "properties":
                yield from ((self._header(key), _cell(each)) for key, each in value.items())
            else:
                yield self.headers[name], _cell(value)

    def _header(self, key: str) -> str:
        """Return the property's name, marked if Klaviyo would read it as one of its own fields."""
        own = {header.casefold() for header in self.headers.values()}
        return f"{key} (property)" if key.strip().casefold() in own else key


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def create(path: Path) -> BinaryIO:
    """Create a file that only its owner can read. Raises Failed.

    An existing file is refused: others may be able to read it, or it may be a link.
    """
    try:
        return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except FileExistsError as fault:
        raise Failed(f"{path} already exists; name another file, or remove it") from fault
    except OSError as fault:
        raise Failed(f"{path} cannot be written: {fault.strerror}") from fault
