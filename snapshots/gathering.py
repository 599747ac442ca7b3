"""The people of a snapshot, on disk, by the buckets of the membership ledger."""

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

#: Reason: the row has only an id that several people have.
AMBIGUOUS: Final = "ambiguous_person"
_KEY: Final = 16
#: Bytes of the rows stored at a time, and bytes of a row besides its fragment.
_AT_ONCE: Final = 8_000_000
_ROW: Final = 400
#: Identities yielded at a time.
_PORTION: Final = 5_000
#: `people`: while rows are read, everybody as often as in the body. `beside`: the weaker identities under which the
#: person `whose` may also be known. `also`: the same, in the order of buckets, from when it is first needed.
#: `doubles`: rows without an e-mail about people who have other rows.
_SCHEMA: Final = """
    CREATE TABLE people (bucket INTEGER, identity TEXT, number INTEGER, customer TEXT, keys TEXT, fragment BLOB);
    CREATE TABLE beside (whose TEXT, one TEXT, other TEXT);
    CREATE TABLE also (bucket INTEGER, identity TEXT, whose TEXT, PRIMARY KEY (bucket, identity, whose)) WITHOUT ROWID;
    CREATE TABLE doubles (identity TEXT PRIMARY KEY, bucket INTEGER, number INTEGER, whose TEXT, people INTEGER)
        WITHOUT ROWID;
"""
_EARLIER_ONES: Final = """
    WITH several AS MATERIALIZED (
        SELECT bucket, identity, max(rowid) AS last FROM people GROUP BY bucket, identity HAVING count(*) > 1
    )
    DELETE FROM people WHERE rowid IN (
        SELECT people.rowid FROM several JOIN people USING (bucket, identity) WHERE people.rowid < last
    )
"""
_ALSO: Final = """
    INSERT OR IGNORE INTO also SELECT bucket_of(one), one, whose FROM beside
        UNION ALL SELECT bucket_of(other), other, whose FROM beside WHERE other != '' ORDER BY 1, 2, 3
"""
_DOUBLES: Final = """
    INSERT INTO doubles SELECT identity, bucket, min(number), min(whose), count(*) FROM people
        CROSS JOIN also USING (bucket, identity) WHERE identity GLOB ? GROUP BY identity
"""


class Gathered:
    """The people of a snapshot, each once. `counts`: what is known before the snapshot is compared with the list.

    `examples`: reason -> numbers of the first rows that cannot be sent for that reason.
    """

    def __init__(self, people: sqlite3.Connection, counts: Counts, examples: dict[str, list[int]]) -> None:
        self._people = people
        self.counts = counts
        self.examples = examples

    def buckets(self) -> Iterator[tuple[int, dict[str, SnapshotRow]]]:
        """Yield each of the 4,096 buckets, ascending, with its people by identity."""
        # Otherwise SQLite sorts the rows anew.
        query = "SELECT * FROM people INDEXED BY by_identity ORDER BY bucket, identity"
        found = groupby(self._people.execute(query), itemgetter(0))
        number, group = next(found, (BUCKETS, iter(())))
        for bucket in range(BUCKETS):
            if bucket < number:
                yield bucket, {}
                continue
            yield bucket, {row.identity: row for row in map(_row, group)}
            number, group = next(found, (BUCKETS, iter(())))

    def person(self, identity: str) -> SnapshotRow | None:
        """Return the person with that identity."""
        query = "SELECT * FROM people WHERE bucket = ? AND identity = ?"
        stored = self._people.execute(query, (bucket_of(identity), identity)).fetchone()
        return _row(stored) if stored else None

    def also(self, bucket: int) -> dict[str, list[str]]:
        """Return the identities of a bucket that people have besides a stronger one, with these people."""
        _fill_also(self._people)
        found: dict[str, list[str]] = {}
        for identity, whose in self._people.execute("SELECT identity, whose FROM also WHERE bucket = ?", (bucket,)):
            found.setdefault(identity, []).append(whose)
        return found

    def whose(self, identity: str) -> list[str]:
        """Return the people who have that identity besides a stronger one."""
        _fill_also(self._people)
        query = "SELECT whose FROM also WHERE bucket = ? AND identity = ?"
        return [whose for (whose,) in self._people.execute(query, (bucket_of(identity), identity))]

    def addresses(self) -> Iterator[list[str]]:
        """Yield the identities of all people with an e-mail, in portions."""
        found = self._people.execute("SELECT identity FROM people WHERE identity GLOB 'email:*'")
        while some := found.fetchmany(_PORTION):
            yield [identity for (identity,) in some]

    def has(self, identities: Collection[str]) -> set[str]:
        """Return the identities that belong to people of the snapshot."""
        found = "SELECT 1 FROM people WHERE bucket = ? AND identity = ?"
        return {known for known in identities if self._people.execute(found, (bucket_of(known), known)).fetchone()}

    def named_by(self, wanted: Collection[str]) -> tuple[set[str], set[str]]:
        """Return which of these person keys name a person, and which any person has."""
        among = frozenset(wanted)
        names, others = set[str](), set[str]()
        for (keys,) in self._people.execute("SELECT keys FROM people"):
            found = [key for key in keys_of(keys) if key in among]
            names |= {key for key in found if keys.startswith(key)}
            others |= {*found}
        return names, others

    def close(self) -> None:
        """Delete the stored people."""
        self._people.close()


def gather(rows: Iterable[SnapshotRow | Unusable]) -> Gathered:
    """Store the rows; the last of several with one identity counts. Raises what `rows` raises, and leaves nothing.

    A row without an e-mail is about the person of another row that has its identity beside a stronger one, and does not
    count. When several other rows have that identity, the row is ambiguous.
    """
    people = shelf.opened(_SCHEMA)
    people.create_function("bucket_of", 1, bucket_of, deterministic=True)
    tally = Tally()
    try:
        for some in _portions(tally.usable(rows)):
            # Sorted, so that people of one bucket are read from few places. The last row of an identity stays the last.
            stored = sorted(map(_stored, some), key=itemgetter(0))
            people.executemany("INSERT INTO people VALUES (?, ?, ?, ?, ?, ?)", stored)
            people.executemany("INSERT INTO beside VALUES (?, ?, ?)", filter(None, map(_beside, some)))
        # An index made at once takes a third of the time of a table that is kept in order row by row.
        people.execute("CREATE INDEX by_identity ON people (bucket, identity)")
        people.execute(_EARLIER_ONES)
        _take_out_doubles(people)
        for (number,) in people.execute("SELECT number FROM doubles WHERE people > 1 ORDER BY number"):
            tally.refuse(Unusable(number, AMBIGUOUS))
        return Gathered(people, _counts(people, tally), tally.examples)
    except BaseException:
        people.close()
        raise


def _fill_also(people: sqlite3.Connection) -> None:
    """Fill `also` if it is not filled: most files and lists have only people with an e-mail and ask for nobody."""
    if people.execute("SELECT 1 FROM beside LIMIT 1").fetchone():
        people.execute(_ALSO)
        people.execute("DELETE FROM beside")


def _take_out_doubles(people: sqlite3.Connection) -> None:
    """Remove the doubles. Rows with an id come first: the phone of such a row belongs to the person of the id."""
    if not people.execute("SELECT 1 FROM people WHERE identity NOT GLOB 'email:*' LIMIT 1").fetchone():
        return
    _fill_also(people)
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
    """Return the counts, with `people = customers + expansion - shrink` (Amperity: delivery summary)."""
    ((everybody, nameless),) = people.execute("SELECT count(*), count(*) FILTER (WHERE customer = '') FROM people")
    # Grouped, which sorts; `count(DISTINCT ...)` takes four times as long.
    ((named,),) = people.execute("SELECT count(*) FROM (SELECT 1 FROM people WHERE customer != '' GROUP BY customer)")
    return Counts(
        rows=tally.last,
        customers=nameless + named + tally.shrink.total(),
        people=everybody,
        duplicates=tally.people - everybody,
        expansion=everybody - nameless - named,
        shrink=dict(tally.shrink),
    )


def _stored(row: SnapshotRow) -> tuple[Any, ...]:
    return bucket_of(row.identity), row.identity, row.number, row.customer, "".join(row.keys), row.fragment


def _beside(row: SnapshotRow) -> tuple[str, ...] | None:
    # A row without an e-mail or an id has no weaker identity.
    return (row.identity, *row.also, "")[:3] if row.also else None


def _row(stored: tuple[Any, ...]) -> SnapshotRow:
    _, identity, number, customer, keys, fragment = stored
    return SnapshotRow(number, identity, keys_of(keys), fragment, customer)


def keys_of(joined: str) -> tuple[str, ...]:
    """Split person keys that were joined into one string."""
    return tuple(joined[i : i + _KEY] for i in range(0, len(joined), _KEY))
