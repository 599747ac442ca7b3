"""The changes that make a whole list equal to a snapshot, found and kept on disk before anything is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Final

from queues.members import BUCKETS, Bucket
from queues.snapshots import Counts
from snapshots import shelf
from snapshots.gathering import Gathered, keys_of
from snapshots.plan import Action, Diff, Planned, diff
from snapshots.rows import Row, Unusable
from snapshots.tally import exemplify

#: Buckets asked for at once: of a million members some 16,000.
_AT_ONCE: Final = 64
_SCHEMA: Final = """
    CREATE TABLE planned (bucket INTEGER, action TEXT, identity TEXT, keys TEXT, fragment BLOB,
        PRIMARY KEY (bucket, identity)) WITHOUT ROWID;
"""
_COLUMNS: Final = "bucket, action, identity, keys, fragment"


class Plan:
    """What is to be changed. `shrunk`: reason -> numbers of the first rows of which nobody can be sent."""

    def __init__(self, counts: Counts, shrunk: dict[str, list[int]]) -> None:
        self._planned = shelf.opened(_SCHEMA)
        self.counts = counts
        self.shrunk = shrunk

    def parts(self) -> Iterator[tuple[int, list[Planned]]]:
        """The buckets, ascending, in which something is to be changed, with the changes; always in the same order."""
        found = self._planned.execute(f"SELECT {_COLUMNS} FROM planned ORDER BY bucket, identity")  # noqa: S608
        for bucket, stored in groupby(found, itemgetter(0)):
            yield bucket, [_planned(change) for change in stored]

    def examples(self, action: Action, n: int = 20) -> list[Planned]:
        """The first `n` changes of that kind."""
        found = self._planned.execute(f"SELECT {_COLUMNS} FROM planned WHERE action = ? LIMIT ?", (action, n))  # noqa: S608
        return [_planned(change) for change in found]

    def close(self) -> None:
        """Forget the changes."""
        self._planned.close()

    def enter(self, bucket: int, found: Diff) -> None:
        """Write down what is to be changed in a bucket, and count it."""
        for change in found.planned:
            stored = (bucket, change.action, change.identity, "".join(change.keys), change.fragment)
            self._planned.execute("INSERT INTO planned VALUES (?, ?, ?, ?, ?)", stored)
        actions = [change.action for change in found.planned]
        self.counts.adds += actions.count("add")
        self.counts.updates += actions.count("update")
        self.counts.removals += actions.count("remove")
        self.counts.unchanged += found.unchanged
        self.counts.newer += found.newer
        self.counts.held += found.held

    def refuse(self, number: int, reason: str) -> None:
        """Count a person who cannot be sent."""
        self.counts.people -= 1
        self.counts.shrink[reason] = self.counts.shrink.get(reason, 0) + 1
        exemplify(self.shrunk, Unusable(number, reason))


def plan(
    gathered: Gathered,
    buckets: Callable[[list[int]], dict[int, Bucket]],
    at: int,
    check: Callable[[Planned], str | None],
) -> Plan:
    """The changes from the members that `buckets` tells of, by the numbers of buckets, to the people gathered.

    `at`: ms, the time of the snapshot. `check`: why somebody who is to be added or updated cannot be sent, which is
    counted instead; a member stays one then. Raises what these two raise, with nothing left behind.
    """
    result = Plan(deepcopy(gathered.counts), deepcopy(gathered.examples))
    try:
        source = gathered.buckets()
        for first in range(0, BUCKETS, _AT_ONCE):
            known = buckets([*range(first, first + _AT_ONCE)])
            for number, rows in islice(source, _AT_ONCE):
                found = diff(known[number], rows, at, gathered.also(number))
                result.enter(number, found._replace(planned=[*_sendable(found, rows, check, result)]))
    except BaseException:
        result.close()
        raise
    return result


def _sendable(
    found: Diff, rows: Mapping[str, Row], check: Callable[[Planned], str | None], result: Plan
) -> Iterator[Planned]:
    for change in found.planned:
        reason = None if change.action == "remove" else check(change)
        if reason is None:
            yield change
        else:
            result.refuse(rows[change.identity].number, reason)


def _planned(stored: tuple[Any, ...]) -> Planned:
    _, action, identity, keys, fragment = stored
    return Planned(action, identity, keys_of(keys), fragment)
