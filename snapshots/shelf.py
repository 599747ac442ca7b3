"""A temporary database on disk, for a million rows that come in any order and leave by bucket, in little memory."""

from __future__ import annotations

import sqlite3
from typing import Final

#: KiB that SQLite keeps in memory.
_CACHE: Final = 16_384


def opened(schema: str) -> sqlite3.Connection:
    """A private database that is gone when it is closed or the process dies. `schema`: SQL of its tables.

    Everything is one transaction that never ends, and nothing is made safe against a crash: whoever dies starts anew.
    """
    # The empty name: SQLite makes a file without a name, so that no personal data outlives a killed process.
    shelf = sqlite3.connect("", isolation_level=None)
    shelf.executescript(
        f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-{_CACHE}; {schema} BEGIN;"
    )
    return shelf
