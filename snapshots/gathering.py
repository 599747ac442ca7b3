"""The people of a snapshot by the buckets of the membership ledger, on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from queues.snapshots.members import BUCKETS, bucket_of
from queues.snapshots.orders import Counts
from snapshots import tally as shelf
from snapshots.rows import SnapshotRow, Unusable
from snapshots.tally import Tally

#: Reason: the row has nothing but an id that stands for several people.
AMBIGUOUS: Final = "ambiguous_person"
_KEY: Final = 16
#: Bytes of the rows put by in one go, and those that a row takes besides its fragment.
_AT_ONCE: Final = 8_000_000
_ROW: Final = 400
#: Identities given at a time.
_PORTION: Final = 5_000
#: `also`: under which weaker identities the person `whose` may be known, too. `doubles`: rows without an e-mail that
#: speak of people who have rows of their own.
_SCHEMA: Final = """
    CREATE TABLE people (bucket INTEGER, identity TEXT, number INTEGER, keys TEXT, fragment BLOB, customer TEXT,
        PRIMARY KEY (bucket, identity)) WITHOUT ROWID;
    CREATE TABLE also (bucket INTEGER, identity TEXT, whose TEXT, PRIMARY KEY (bucket, identity, whose)) WITHOUT ROWID;
    CREATE TABLE doubles (identity TEXT PRIMARY KEY, bucket INTEGER, number INTEGER, whose TEXT, people INTEGER)
        WITHOUT ROWID;
"""
_DOUBLES: Final = """
    INSERT INTO doubles SELECT identity, bucket, min(number), min(whose), count(*) FROM people
        JOIN also USING (bucket, identity) WHERE identity GLOB ? GROUP BY identity
"""


class Gathered:
    """Everybody whom a snapshot names, once. `counts`: what is known before the list is looked at.

    `examples`: reason -> numbers of the first rows that cannot be sent for it.
    """

    def __init__(self, people: sqlite3.Connection, counts: Counts, examples: dict[str, list[int]]) -> None:
        self._people = people
        self.counts = counts
        self.examples = examples

    def buckets(self) -> Iterator[tuple[int, dict[str, SnapshotRow]]]:
        """Each of the 4,096 buckets, ascending, with its people by identity."""
        found = groupby(self._people.execute("SELECT * FROM people ORDER BY bucket, identity"), itemgetter(0))
        number, group = next(found, (BUCKETS, iter(())))
        for bucket in range(BUCKETS):
            if bucket < number:
                yield bucket, {}
                continue
            yield bucket, {row.identity: row for row in map(_row, group)}
            number, group = next(found, (BUCKETS, iter(())))

    def person(self, identity: str) -> SnapshotRow | None:
        """The one of that identity."""
        query = "SELECT * FROM people WHERE bucket = ? AND identity = ?"
        stored = self._people.execute(query, (bucket_of(identity), identity)).fetchone()
        return _row(stored) if stored else None

    def also(self, bucket: int) -> dict[str, list[str]]:
        """Identities of a bucket that people of the snapshot have besides a stronger one, and whose."""
        found: dict[str, list[str]] = {}
        for identity, whose in self._people.execute("SELECT identity, whose FROM also WHERE bucket = ?", (bucket,)):
            found.setdefault(identity, []).append(whose)
        return found

    def whose(self, identity: str) -> list[str]:
        """The people who have that identity besides a stronger one."""
        query = "SELECT whose FROM also WHERE bucket = ? AND identity = ?"
        return [whose for (whose,) in self._people.execute(query, (bucket_of(identity), identity))]

    def addresses(self) -> Iterator[list[str]]:
        """The identities of everybody who has an e-mail, some at a time."""
        found = self._people.execute("SELECT identity FROM people WHERE identity GLOB 'email:*'")
        while some := found.fetchmany(_PORTION):
            yield [identity for (identity,) in some]

    def has(self, identities: Collection[str]) -> set[str]:
        """Those of the identities that are among the people."""
        found = "SELECT 1 FROM people WHERE bucket = ? AND identity = ?"
        return {known for known in identities if self._people.execute(found, (bucket_of(known), known)).fetchone()}

    def named_by(self, wanted: Collection[str]) -> tuple[set[str], set[str]]:
        """Of these person keys those that name anybody, and those that anybody has."""
        among = frozenset(wanted)
        names, others = set[str](), set[str]()
        for (keys,) in self._people.execute("SELECT keys FROM people"):
            found = [key for key in keys_of(keys) if key in among]
            names |= {key for key in found if keys.startswith(key)}
            others |= {*found}
        return names, others

    def close(self) -> None:
        """Forget everybody."""
        self._people.close()


def gather(rows: Iterable[SnapshotRow | Unusable]) -> Gathered:
    """Put the rows by; of several of one identity the last counts. Raises what `rows` raises, and leaves nothing.

    A row without an e-mail whose identity another row has beside a stronger one is that row's person, and does not
    count. Where several rows have it, nobody can tell who is meant.
    """
    people = shelf.opened(_SCHEMA)
    tally = Tally()
    try:
        for some in _portions(tally.usable(rows)):
            # In the order of the buckets, which halves the time; of one identity the last is put in last all the same.
            stored = sorted(map(_stored, some), key=itemgetter(0))
            people.executemany("INSERT OR REPLACE INTO people VALUES (?, ?, ?, ?, ?, ?)", stored)
            others = sorted((bucket_of(other), other, row.identity) for row in some for other in row.also)
            people.executemany("INSERT OR IGNORE INTO also VALUES (?, ?, ?)", others)
        _take_out_doubles(people)
        for (number,) in people.execute("SELECT number FROM doubles WHERE people > 1 ORDER BY number"):
            tally.refuse(Unusable(number, AMBIGUOUS))
        return Gathered(people, _counts(people, tally), tally.examples)
    except BaseException:
        people.close()
        raise


def _take_out_doubles(people: sqlite3.Connection) -> None:
    """Those named by an id first: a phone that one of them has is the phone of the person whose id it is."""
    if people.execute(_DOUBLES, ("external_id:*",)).rowcount:
        people.execute(
            "UPDATE OR IGNORE also SET whose = doubles.whose FROM doubles"
            " WHERE also.whose = doubles.identity AND doubles.people = 1"
        )
        people.execute("DELETE FROM also WHERE whose IN (SELECT identity FROM doubles WHERE people = 1)")
    people.execute(_DOUBLES, ("phone_number:*",))
    people.execute("DELETE FROM people WHERE (bucket, identity) IN (SELECT bucket, identity FROM doubles)")


def _portions(rows: Iterable[SnapshotRow]) -> Iterator[list[SnapshotRow]]:
    some: list[SnapshotRow] = []
    size = 0
    for row in rows:
        some.append(row)
        size += len(row.fragment) + _ROW
        if size > _AT_ONCE:
            yield some
            some, size = [], 0
    yield some


def _counts(people: sqlite3.Connection, tally: Tally) -> Counts:
    """`people = customers + expansion - shrink` (Amperity: delivery summary)."""
    ((everybody, nameless, named),) = people.execute(
        "SELECT count(*), count(*) FILTER (WHERE customer = ''), count(DISTINCT nullif(customer, '')) FROM people"
    )
    return Counts(
        rows=tally.last,
        customers=nameless + named + tally.shrink.total(),
        people=everybody,
        duplicates=tally.people - everybody,
        expansion=everybody - nameless - named,
        shrink=dict(tally.shrink),
    )


def _stored(row: SnapshotRow) -> tuple[Any, ...]:
    return bucket_of(row.identity), row.identity, row.number, "".join(row.keys), row.fragment, row.customer


def _row(stored: tuple[Any, ...]) -> SnapshotRow:
    _, identity, number, keys, fragment, customer = stored
    return SnapshotRow(number, identity, keys_of(keys), fragment, customer)


def keys_of(joined: str) -> tuple[str, ...]:
    """Person keys that were written one behind the other."""
    return tuple(joined[i : i + _KEY] for i in range(0, len(joined), _KEY))
