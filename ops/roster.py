"""Who is on a Klaviyo list, on disk, to be compared with millions of others in little memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from queues.members import bucket_of
from snapshots import shelf
from worker.roster import identities

_SCHEMA: Final = """
    CREATE TABLE names (bucket INTEGER, identity TEXT, person INTEGER, PRIMARY KEY (bucket, identity)) WITHOUT ROWID;
    CREATE TABLE people (bucket INTEGER, identity TEXT, person INTEGER, PRIMARY KEY (bucket, identity)) WITHOUT ROWID;
    CREATE TABLE found (person INTEGER PRIMARY KEY);
"""


class Roster:
    """The people of a list. Others may know one by any identity that Klaviyo has, not by the strongest only."""

    def __init__(self, people: Iterable[dict[str, str | None]]) -> None:
        """`people`: `email`, `phone_number` and `external_id` of each. Raises what they raise, with nothing kept."""
        self._shelf = shelf.opened(_SCHEMA)
        self.size = 0
        try:
            for profile in people:
                self._put([(bucket_of(name), name, self.size) for name in identities(profile)])
        except BaseException:
            self.close()
            raise

    def _put(self, names: list[tuple[int, str, int]]) -> None:
        self._shelf.executemany("INSERT OR IGNORE INTO names VALUES (?, ?, ?)", names)
        self._shelf.executemany("INSERT OR IGNORE INTO people VALUES (?, ?, ?)", names[:1])
        self.size += 1

    def find(self, bucket: int, wanted: Collection[str]) -> set[str]:
        """Those of the identities of a bucket that are on the list; who has one of them is no stranger from now on."""
        rows = self._shelf.execute("SELECT identity, person FROM names WHERE bucket = ?", (bucket,))
        found = {name: person for name, person in rows if name in wanted}
        self._shelf.executemany("INSERT OR IGNORE INTO found VALUES (?)", [(person,) for person in found.values()])
        return {*found}

    def strangers(self, bucket: int) -> list[str]:
        """By their strongest identity those of a bucket who were not found by any."""
        wanted = "SELECT identity FROM people WHERE bucket = ? AND person NOT IN (SELECT person FROM found)"
        return [name for (name,) in self._shelf.execute(f"{wanted} ORDER BY identity", (bucket,))]

    def close(self) -> None:
        """Forget everybody."""
        self._shelf.close()
