"""The changes that make a whole list equal to a snapshot, stored on disk before anything is changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
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

#: Identities yielded at a time: the remembered identities are read in portions of this size.
_PORTION: Final = 1_000
#: Why a member without a row stays: people of the snapshot also have the identity; a change is newer; a row may be
#: about the same profile.
_LINKED, _NEWER, _STAYING = "linked", "newer", "staying"
#: SQL conditions for identities that are an e-mail, and for others.
BY_EMAIL: Final = "GLOB 'email:*'"
BY_ID: Final = "NOT GLOB 'email:*'"
#: `loose`: members who stay although no row has their identity, and why. `known_as`: members whom a row names by
#: another identity.
_SCHEMA: Final = """
    CREATE TABLE planned (bucket INTEGER, action TEXT, identity TEXT, keys TEXT, fragment BLOB,
        PRIMARY KEY (bucket, identity)) WITHOUT ROWID;
    CREATE TABLE loose (identity TEXT PRIMARY KEY, why TEXT) WITHOUT ROWID;
    CREATE TABLE known_as (bucket INTEGER, member TEXT, row TEXT, PRIMARY KEY (bucket, member)) WITHOUT ROWID;
"""
_COLUMNS: Final = "bucket, action, identity, keys, fragment"


class Plan:
    """The planned changes. `shrunk`: reason -> numbers of the first rows that cannot be sent.

    `undecided`: members stay because a person who joins may have the same profile, so that a second comparison is
    needed after the delivery.
    """

    def __init__(self, counts: Counts, shrunk: dict[str, list[int]]) -> None:
        self._shelf = tally.opened(_SCHEMA)
        self.counts = counts
        self.shrunk = shrunk
        self.undecided = False

    def parts(self) -> Iterator[tuple[int, list[PlannedChange]]]:
        """Yield the buckets that have changes, ascending, with the changes, always in the same order."""
        found = self._shelf.execute(f"SELECT {_COLUMNS} FROM planned ORDER BY bucket, identity")  # noqa: S608
        for bucket, stored in groupby(found, itemgetter(0)):
            yield bucket, [_planned(change) for change in stored]

    def examples(self, action: Action, n: int = 20) -> list[PlannedChange]:
        """Return the first `n` changes with that action."""
        found = self._shelf.execute(f"SELECT {_COLUMNS} FROM planned WHERE action = ? LIMIT ?", (action, n))  # noqa: S608
        return [_planned(change) for change in found]

    def close(self) -> None:
        """Delete the stored changes."""
        self._shelf.close()

    def enter(self, found: Diff) -> None:
        """Store and count the changes of a bucket."""
        self._put(found.planned)
        loose = [*((each, _LINKED) for each in found.linked), *((each, _NEWER) for each in found.staying)]
        self._shelf.executemany("INSERT INTO loose VALUES (?, ?)", loose)
        self.counts.unchanged += found.unchanged
        self.counts.kept += len(found.linked)
        self.counts.newer += found.newer
        self.counts.held += found.held

    def put(self, change: PlannedChange) -> None:
        """Store a change in place of any other change of the same identity."""
        self._put([change])

    def _put(self, changes: Iterable[PlannedChange]) -> None:
        stored = (
            (bucket_of(identity), action, identity, "".join(keys), fragment)
            for action, identity, keys, fragment in changes
        )
        self._shelf.executemany("INSERT OR REPLACE INTO planned VALUES (?, ?, ?, ?, ?)", stored)

    def drop(self, identity: str, action: Action) -> bool:
        """Delete a change; return whether there was one."""
        query = "DELETE FROM planned WHERE bucket = ? AND identity = ? AND action = ?"
        return self._shelf.execute(query, (bucket_of(identity), identity, action)).rowcount > 0

    def adds(self, identity: str) -> Iterator[list[str]]:
        """Yield the added identities that match the condition, in portions; they may be dropped meanwhile."""
        query = (
            f"SELECT bucket, identity FROM planned WHERE action = 'add' AND identity {identity}"  # noqa: S608
            " AND (bucket, identity) > (?, ?) ORDER BY bucket, identity LIMIT ?"
        )
        last: tuple[int, str] = (-1, "")
        while some := self._shelf.execute(query, (*last, _PORTION)).fetchall():
            yield [name for _, name in some]
            last = some[-1]

    def loose(self, identity: str = "!= ''") -> Iterator[list[str]]:
        """Yield the identities of members without a row that match the condition, in portions."""
        found = self._shelf.execute(
            f"SELECT identity FROM planned WHERE action = 'remove' AND identity {identity}"  # noqa: S608
            f" UNION ALL SELECT identity FROM loose WHERE identity {identity}"
        )
        while some := found.fetchmany(_PORTION):
            yield [name for (name,) in some]

    def linked(self) -> Iterator[list[str]]:
        """Yield the members whose identity people of the snapshot also have, in portions; they may be unlinked."""
        query = "SELECT identity FROM loose WHERE why = ? AND identity > ? ORDER BY identity LIMIT ?"
        last = ""
        while some := [name for (name,) in self._shelf.execute(query, (_LINKED, last, _PORTION))]:
            yield some
            last = some[-1]

    def stay(self, members: Iterable[str]) -> bool:
        """Do not take off these members; return whether one of them would have been."""
        stays = False
        for member in members:
            if self.drop(member, "remove"):
                stays = True
                self._shelf.execute("INSERT OR REPLACE INTO loose VALUES (?, ?)", (member, _STAYING))
                self.counts.kept += 1
        return stays

    def know(self, member: str, row: str) -> bool:
        """Store that a member is the person of a row; return False when another row has the member already."""
        query = "INSERT OR IGNORE INTO known_as VALUES (?, ?, ?)"
        return self._shelf.execute(query, (bucket_of(member), member, row)).rowcount > 0

    def row_of(self, member: str) -> str:
        """Return the identity of the row about this member."""
        query = "SELECT row FROM known_as WHERE bucket = ? AND member = ?"
        found = self._shelf.execute(query, (bucket_of(member), member)).fetchone()
        return str(found[0]) if found else member

    def known(self) -> Iterator[tuple[int, list[tuple[str, str]]]]:
        """Yield members with the identities of their rows, by the number of the bucket."""
        found = self._shelf.execute("SELECT * FROM known_as ORDER BY bucket, member")
        for bucket, stored in groupby(found, itemgetter(0)):
            yield bucket, [(member, row) for _, member, row in stored]

    def is_added(self, identity: str) -> bool:
        """Whether a person with that identity is added."""
        query = "SELECT 1 FROM planned WHERE bucket = ? AND identity = ? AND action = 'add'"
        return self._shelf.execute(query, (bucket_of(identity), identity)).fetchone() is not None

    def is_newer(self, member: str) -> bool:
        """Whether a member without a row stays because of a newer change."""
        query = "SELECT 1 FROM loose WHERE identity = ? AND why = ?"
        return self._shelf.execute(query, (member, _NEWER)).fetchone() is not None

    def reconsider(self, member: str) -> None:
        """Cancel the decision that a member stays or is taken off."""
        self.drop(member, "remove")
        query = "DELETE FROM loose WHERE identity = ? AND why != ?"
        self.counts.kept -= self._shelf.execute(query, (member, _NEWER)).rowcount

    def only_leaving(self, besides: Collection[tuple[str, ...]] = ()) -> None:
        """Delete all changes except removals. `besides`: person keys of removals that are deleted, too."""
        self._shelf.execute("DELETE FROM planned WHERE action != 'remove'")
        found = (each for _, changes in self.parts() for each in changes if each.keys in besides)
        self.counts.removals -= sum(self.drop(each.identity, "remove") for each in [*found])

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
