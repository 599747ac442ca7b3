"""The changes that make a whole list equal to a snapshot, kept on disk before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from queues.snapshots.members import bucket_of
from queues.snapshots.orders import Counts
from snapshots import tally
from snapshots.gathering import keys_of
from snapshots.plan import Action, Diff, PlannedChange
from snapshots.rows import Unusable
from snapshots.tally import exemplify

#: Identities given at a time: for so many the memory is asked at once.
_PORTION: Final = 1_000
#: Why a member stays who has no row: people of the snapshot have the identity besides; a change is newer; it may be the
#: profile of a row.
_LINKED, _NEWER, _STAYING = "linked", "newer", "staying"
#: Identities that are an e-mail, and others.
BY_EMAIL: Final = "GLOB 'email:*'"
BY_ID: Final = "NOT GLOB 'email:*'"
#: `loose`: members who have no row by their identity and stay all the same, and why. `known_as`: members whom a row
#: names otherwise.
_SCHEMA: Final = """
    CREATE TABLE planned (bucket INTEGER, action TEXT, identity TEXT, keys TEXT, fragment BLOB,
        PRIMARY KEY (bucket, identity)) WITHOUT ROWID;
    CREATE TABLE loose (identity TEXT PRIMARY KEY, why TEXT) WITHOUT ROWID;
    CREATE TABLE known_as (bucket INTEGER, member TEXT, row TEXT, PRIMARY KEY (bucket, member)) WITHOUT ROWID;
"""
_COLUMNS: Final = "bucket, action, identity, keys, fragment"


class Plan:
    """What is to be changed. `shrunk`: reason -> numbers of the first rows of which nobody can be sent."""

    def __init__(self, counts: Counts, shrunk: dict[str, list[int]]) -> None:
        self._shelf = tally.opened(_SCHEMA)
        self.counts = counts
        self.shrunk = shrunk

    def parts(self) -> Iterator[tuple[int, list[PlannedChange]]]:
        """The buckets, ascending, in which something is to be changed, with the changes; always in the same order."""
        found = self._shelf.execute(f"SELECT {_COLUMNS} FROM planned ORDER BY bucket, identity")  # noqa: S608
        for bucket, stored in groupby(found, itemgetter(0)):
            yield bucket, [_planned(change) for change in stored]

    def examples(self, action: Action, n: int = 20) -> list[PlannedChange]:
        """The first `n` changes of that kind."""
        found = self._shelf.execute(f"SELECT {_COLUMNS} FROM planned WHERE action = ? LIMIT ?", (action, n))  # noqa: S608
        return [_planned(change) for change in found]

    def close(self) -> None:
        """Forget the changes."""
        self._shelf.close()

    def enter(self, found: Diff) -> None:
        """Write down what is to be changed in a bucket, and count it."""
        for change in found.planned:
            self.put(change)
        loose = [*((each, _LINKED) for each in found.linked), *((each, _NEWER) for each in found.staying)]
        self._shelf.executemany("INSERT INTO loose VALUES (?, ?)", loose)
        self.counts.unchanged += found.unchanged
        self.counts.newer += found.newer
        self.counts.held += found.held

    def put(self, change: PlannedChange) -> None:
        """That is to be changed, whatever else was of the same identity."""
        stored = (bucket_of(change.identity), change.action, change.identity, "".join(change.keys), change.fragment)
        self._shelf.execute("INSERT OR REPLACE INTO planned VALUES (?, ?, ?, ?, ?)", stored)

    def drop(self, identity: str, action: Action) -> bool:
        """That is not to be changed; whether it was."""
        query = "DELETE FROM planned WHERE bucket = ? AND identity = ? AND action = ?"
        return self._shelf.execute(query, (bucket_of(identity), identity, action)).rowcount > 0

    def adds(self, identity: str) -> Iterator[list[str]]:
        """The identities that are like that and are added, some at a time; they may be dropped meanwhile."""
        query = (
            f"SELECT bucket, identity FROM planned WHERE action = 'add' AND identity {identity}"  # noqa: S608
            " AND (bucket, identity) > (?, ?) ORDER BY bucket, identity LIMIT ?"
        )
        last: tuple[int, str] = (-1, "")
        while some := self._shelf.execute(query, (*last, _PORTION)).fetchall():
            yield [name for _, name in some]
            last = some[-1]

    def loose(self, identity: str = "!= ''") -> Iterator[list[str]]:
        """The identities that are like that of members who have no row by them, some at a time."""
        found = self._shelf.execute(
            f"SELECT identity FROM planned WHERE action = 'remove' AND identity {identity}"  # noqa: S608
            f" UNION ALL SELECT identity FROM loose WHERE identity {identity}"
        )
        while some := found.fetchmany(_PORTION):
            yield [name for (name,) in some]

    def linked(self) -> Iterator[list[str]]:
        """Members of identities that people of the snapshot have besides, some at a time; they may be unlinked."""
        query = "SELECT identity FROM loose WHERE why = ? AND identity > ? ORDER BY identity LIMIT ?"
        last = ""
        while some := [name for (name,) in self._shelf.execute(query, (_LINKED, last, _PORTION))]:
            yield some
            last = some[-1]

    def stay(self, members: Iterable[str]) -> None:
        """None of these is taken off."""
        for member in members:
            if self.drop(member, "remove"):
                self._shelf.execute("INSERT OR REPLACE INTO loose VALUES (?, ?)", (member, _STAYING))
                self.counts.unchanged += 1

    def know(self, member: str, row: str) -> bool:
        """A member is the person of a row; False where another row's is."""
        query = "INSERT OR IGNORE INTO known_as VALUES (?, ?, ?)"
        return self._shelf.execute(query, (bucket_of(member), member, row)).rowcount > 0

    def row_of(self, member: str) -> str:
        """The identity of the row by which something is to be changed."""
        query = "SELECT row FROM known_as WHERE bucket = ? AND member = ?"
        found = self._shelf.execute(query, (bucket_of(member), member)).fetchone()
        return str(found[0]) if found else member

    def known(self) -> Iterator[tuple[int, list[tuple[str, str]]]]:
        """Members and the rows that they are, by the number of the bucket."""
        found = self._shelf.execute("SELECT * FROM known_as ORDER BY bucket, member")
        for bucket, stored in groupby(found, itemgetter(0)):
            yield bucket, [(member, row) for _, member, row in stored]

    def is_added(self, identity: str) -> bool:
        """Whether somebody of that identity joins."""
        query = "SELECT 1 FROM planned WHERE bucket = ? AND identity = ? AND action = 'add'"
        return self._shelf.execute(query, (bucket_of(identity), identity)).fetchone() is not None

    def is_newer(self, member: str) -> bool:
        """Whether a member who has no row stays for a newer change."""
        query = "SELECT 1 FROM loose WHERE identity = ? AND why = ?"
        return self._shelf.execute(query, (member, _NEWER)).fetchone() is not None

    def reconsider(self, member: str) -> None:
        """Of a member who was to stay, or to be taken off, it is decided otherwise."""
        self.drop(member, "remove")
        query = "DELETE FROM loose WHERE identity = ? AND why != ?"
        self.counts.unchanged -= self._shelf.execute(query, (member, _NEWER)).rowcount

    def count(self) -> None:
        """Count the changes."""
        found = dict(self._shelf.execute("SELECT action, count(*) FROM planned GROUP BY action"))
        self.counts.adds, self.counts.updates = found.get("add", 0), found.get("update", 0)
        self.counts.removals = found.get("remove", 0)

    def refuse(self, number: int, reason: str) -> None:
        """Count a person who cannot be sent."""
        self.counts.people -= 1
        self.counts.shrink[reason] = self.counts.shrink.get(reason, 0) + 1
        exemplify(self.shrunk, Unusable(number, reason))

    def double(self) -> None:
        """Count a row of somebody who has another one."""
        self.counts.people -= 1
        self.counts.customers -= 1
        self.counts.duplicates += 1


def _planned(stored: tuple[Any, ...]) -> PlannedChange:
    _, action, identity, keys, fragment = stored
    return PlannedChange(action, identity, keys_of(keys), fragment)
