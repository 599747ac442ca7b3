"""The people of a snapshot by the buckets of the membership ledger, on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from queues.members import BUCKETS, bucket_of
from queues.snapshots import Counts
from snapshots import shelf
from snapshots.rows import Row, Unusable, alone
from snapshots.tally import Tally

_KEY: Final = 16
#: Bytes of the rows put by in one go, and those that a row takes besides its fragment.
_AT_ONCE: Final = 8_000_000
_ROW: Final = 400
_SCHEMA: Final = """
    CREATE TABLE people (bucket INTEGER, identity TEXT, number INTEGER, keys TEXT, fragment BLOB, customer TEXT,
        PRIMARY KEY (bucket, identity)) WITHOUT ROWID;
    CREATE TABLE also (bucket INTEGER, identity TEXT, PRIMARY KEY (bucket, identity)) WITHOUT ROWID;
    CREATE TABLE shared (customer TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class Gathered:
    """Everybody whom a snapshot names, once. `counts`: what is known before the list is looked at.

    `examples`: reason -> numbers of the first rows that cannot be sent for it.
    """

    def __init__(self, people: sqlite3.Connection, counts: Counts, examples: dict[str, list[int]]) -> None:
        self._people = people
        self.counts = counts
        self.examples = examples

    def buckets(self) -> Iterator[tuple[int, dict[str, Row]]]:
        """Each of the 4,096 buckets, ascending, with its people by identity."""
        found = groupby(
            self._people.execute(
                "SELECT people.*, shared.customer IS NOT NULL FROM people LEFT JOIN shared USING (customer)"
                " ORDER BY bucket, identity"
            ),
            itemgetter(0),
        )
        number, group = next(found, (BUCKETS, iter(())))
        for bucket in range(BUCKETS):
            if bucket < number:
                yield bucket, {}
                continue
            yield bucket, {row.identity: row for row in map(_row, group)}
            number, group = next(found, (BUCKETS, iter(())))

    def also(self, bucket: int) -> frozenset[str]:
        """Identities of a bucket under which people of the snapshot may be on the list besides their strongest."""
        found = self._people.execute("SELECT identity FROM also WHERE bucket = ?", (bucket,))
        return frozenset(identity for (identity,) in found)

    def has(self, identities: Collection[str]) -> set[str]:
        """Those of the identities that are among the people."""
        found = "SELECT 1 FROM people WHERE bucket = ? AND identity = ?"
        return {known for known in identities if self._people.execute(found, (bucket_of(known), known)).fetchone()}

    def keys_of_anyone(self, wanted: Collection[str]) -> set[str]:
        """Those of the person keys that anybody has."""
        among = frozenset(wanted)
        return {
            key for (keys,) in self._people.execute("SELECT keys FROM people") for key in keys_of(keys) if key in among
        }

    def close(self) -> None:
        """Forget everybody."""
        self._people.close()


def gather(rows: Iterable[Row | Unusable]) -> Gathered:
    """Put the rows by; of several of one identity the last counts. Raises what `rows` raises, and leaves nothing."""
    people = shelf.opened(_SCHEMA)
    tally = Tally()
    try:
        for some in _portions(tally.usable(rows)):
            # In the order of the buckets, which halves the time; of one identity the last is put in last all the same.
            stored = sorted(map(_stored, some), key=itemgetter(0))
            people.executemany("INSERT OR REPLACE INTO people VALUES (?, ?, ?, ?, ?, ?)", stored)
            others = ((bucket_of(other), other) for row in some for other in row.also)
            people.executemany("INSERT OR IGNORE INTO also VALUES (?, ?)", others)
        people.execute(
            "INSERT INTO shared SELECT customer FROM people WHERE customer != '' GROUP BY 1 HAVING count(*) > 1"
        )
        return Gathered(people, _counts(people, tally), tally.examples)
    except BaseException:
        people.close()
        raise


def _portions(rows: Iterable[Row]) -> Iterator[list[Row]]:
    some: list[Row] = []
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


def _stored(row: Row) -> tuple[Any, ...]:
    return bucket_of(row.identity), row.identity, row.number, "".join(row.keys), row.fragment, row.customer


def _row(stored: tuple[Any, ...]) -> Row:
    _, identity, number, keys, fragment, customer, shared = stored
    row = Row(number, identity, keys_of(keys), fragment, customer)
    return alone(row) if shared else row


def keys_of(joined: str) -> tuple[str, ...]:
    """Person keys that were written one behind the other."""
    return tuple(joined[i : i + _KEY] for i in range(0, len(joined), _KEY))
