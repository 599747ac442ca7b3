"""A Klaviyo profile as the cells of a CSV that Klaviyo imports. Pure.

Every value stays as it is, those that a spreadsheet would take for a formula too: Klaviyo reads these files, and a
quote put before `=1+1` or `+14155552671` would become a part of the person's data. Files for a spreadsheet are asked
for with --csv-safe.

Files with people in them.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from mappings.profile import Profile
from ops.errors import Failed
from text.escaping import spreadsheet_cell

#: Bytes that Klaviyo takes in one file (Klaviyo: uploading contacts from a CSV).
LARGEST: Final = 50_000_000


@dataclass(frozen=True, slots=True)
class CsvColumns:
    """`headers`: by the profile's field, Klaviyo's own, in their order. `always`: there even if empty."""

    headers: Mapping[str, str]
    always: tuple[str, ...] = ()

    def cells(self, profile: Profile) -> dict[str, str]:
        """The cells by header: properties become columns of their name, lists are JSON."""
        return dict(self._cells(profile))

    def ordered(self, used: Collection[str]) -> list[str]:
        """The headers of a file in which these are used: Klaviyo's own first, then properties by their names."""
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
        """The property's name, unless Klaviyo would take it for a field of its own."""
        own = {header.casefold() for header in self.headers.values()}
        return f"{key} (property)" if key.strip().casefold() in own else key


def line(cells: Sequence[str], safe: bool = False) -> bytes:
    """A line of a CSV, as RFC 4180 has it; `safe`: no cell is a formula to a spreadsheet or holds unseen characters."""
    text = io.StringIO(newline="")
    csv.writer(text).writerow(map(spreadsheet_cell, cells) if safe else cells)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def create(path: Path) -> BinaryIO:
    """A new file that only its owner reads: one that is there may be readable by others, or be a link to anywhere.

    Raises Failed.
    """
    try:
        return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except FileExistsError as fault:
        raise Failed(f"{path} exists already; name another place, or remove it") from fault
    except OSError as fault:
        raise Failed(f"{path} cannot be written: {fault.strerror}") from fault
