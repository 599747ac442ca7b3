"""The people of a Klaviyo list, stored on disk, so that millions can be compared in little memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from queues.snapshots.members import bucket_of
from queues.snapshots.rosters import Identities
from snapshots import tally

_SCHEMA: Final = """
    CREATE TABLE names (bucket INTEGER, identity TEXT, person INTEGER, place INTEGER, PRIMARY KEY (bucket, identity))
        WITHOUT ROWID;
    CREATE TABLE people (bucket INTEGER, identity TEXT, person INTEGER, PRIMARY KEY (bucket, identity)) WITHOUT ROWID;
    CREATE TABLE found (person INTEGER PRIMARY KEY, place INTEGER, bucket INTEGER, identity TEXT);
    CREATE INDEX found_in ON found (bucket);
"""
_FOUND: Final = """
    INSERT INTO found VALUES (?, ?, ?, ?) ON CONFLICT (person)
        DO UPDATE SET place = excluded.place, bucket = excluded.bucket, identity = excluded.identity
        WHERE excluded.place < place
"""


class Roster:
    """The people of a list. A person is found by any identity that Klaviyo has, not only by the strongest."""

    def __init__(self, people: Iterable[Identities]) -> None:
        """Store `people`, each with the identities that the membership ledger may use, strongest first.

        Raises what `people` raises, and keeps nothing then.
        """
        self._shelf = tally.opened(_SCHEMA)
        self.size = 0
        try:
            for names in people:
                self._put([(bucket_of(name), name, self.size, place) for place, name in enumerate(names)])
        except BaseException:
            self.close()
            raise

    def _put(self, names: list[tuple[int, str, int, int]]) -> None:
        self._shelf.executemany("INSERT OR IGNORE INTO names VALUES (?, ?, ?, ?)", names)
        self._shelf.executemany("INSERT OR IGNORE INTO people VALUES (?, ?, ?)", [name[:3] for name in names[:1]])
        self.size += 1

    def find(self, bucket: int, wanted: Collection[str]) -> set[str]:
        """Return the wanted identities of a bucket that are on the list; their people no longer count as strangers."""
        rows = self._shelf.execute("SELECT identity, person, place FROM names WHERE bucket = ?", (bucket,))
        found = {name: (person, place, bucket, name) for name, person, place in rows if name in wanted}
        self._shelf.executemany(_FOUND, [*found.values()])
        return {*found}

    def found(self, bucket: int) -> list[str]:
        """Return the people found, each by the strongest identity searched for, if that is in the bucket."""
        return [name for (name,) in self._shelf.execute("SELECT identity FROM found WHERE bucket = ?", (bucket,))]

    def strangers(self, bucket: int) -> list[str]:
        """Return the people of a bucket who were not found, each by the strongest identity."""
        wanted = "SELECT identity FROM people WHERE bucket = ? AND person NOT IN (SELECT person FROM found)"
        return [name for (name,) in self._shelf.execute(f"{wanted} ORDER BY identity", (bucket,))]

    def close(self) -> None:
        """Delete the stored people."""
        self._shelf.close()
