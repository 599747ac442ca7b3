"""What a snapshot is compared with: the membership ledger, made what Klaviyo's list is where it cannot be relied on.

Klaviyo's list beside the membership ledger: where they differ, and what the ledger becomes. Pure.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from typing import Final, NamedTuple

from queues.snapshots import guard, members, rosters
from queues.snapshots.members import Bucket, Member, gone_key
from queues.snapshots.rosters import Identities
from snapshots import tally
from snapshots.gathering import Gathered
from snapshots.rows import keys_of_member
from worker.errors import Later
from worker.lists import list_of
from worker.snapshots import read_list
from worker.snapshots.run import SnapshotRun

#: Buckets that are read or written at a time; of a million members some 16,000.
GROUP: Final = 64
_SCHEMA: Final = "CREATE TABLE people (bucket INTEGER, identity TEXT, PRIMARY KEY (bucket, identity)) WITHOUT ROWID;"


def prepare_baseline(of: SnapshotRun) -> None:
    """See whether the ledger can be relied on; else read Klaviyo's list. Raises NotAccepted, Later, Held, LeaseLost."""
    redis, queue = of.delivery.redis, of.delivery.batch.queue
    if not of.course.list_id:
        of.course.list_id = list_of(of.aimed, create=False) or ""
        known = guard.list_of_ledger(redis, queue)
        first = members.snapshot_at(redis, of.audience) == 0
        if not (first or of.order.reconcile or is_another(known, of.course.list_id)):
            guard.note_list(redis, queue, of.course.list_id)
            of.course.step = "plan"
            return of.note()
    if of.course.list_id:
        read_list.read(of)
    of.course.step = "rewrite"
    return of.note()


def is_another(known: str | None, list_id: str) -> bool:
    """Whether the audience has moved to another list than the one of which the ledger speaks. Pure."""
    return known not in (None, "", list_id)


def rewrite(of: SnapshotRun, gathered: Gathered) -> None:
    """Make the ledger what was read of Klaviyo, but for those who have changed since. Raises Later, LeaseLost."""
    redis = of.delivery.redis
    if rosters.portions(redis, of.order.snapshot) < of.course.portions:
        # Whoever is on the list and not in what is left would stay on it for ever.
        of.begin_again()
        raise Later(f"snapshot {of.order.snapshot}: what was read of the list is too old; it is read again", 1.0)
    with closing(_by_bucket(of, gathered)) as people:
        if members.snapshot_at(redis, of.audience) and not of.record.drift:
            _note_drift(of, people)
        for numbers in _groups():
            _rewrite(of, _listed(people, numbers))
    guard.note_list(redis, of.delivery.batch.queue, of.course.list_id)
    of.course.step, of.course.starts = "plan", 0
    of.note()
    # Not before: whoever began again without it would take nobody for a member.
    rosters.drop(redis, of.order.snapshot)


def _rewrite(of: SnapshotRun, listed: dict[int, set[str]]) -> None:
    differ = _differing(of, listed)
    newer = _newer(of, {identity for found in differ.values() for identities in found for identity in identities})

    def change(number: int, bucket: Bucket) -> Bucket:
        return as_listed(bucket, listed[number], newer)

    if differ:
        members.edit(of.delivery.redis, of.audience, differ, change)


def _by_bucket(of: SnapshotRun, gathered: Gathered) -> sqlite3.Connection:
    people = tally.opened(_SCHEMA)
    for some in rosters.read(of.delivery.redis, of.order.snapshot):
        of.renew()
        named = gathered.has({identity for identities in some for identity in identities if len(identities) > 1})
        chosen = [choose(identities, named) for identities in some]
        rows = [(members.bucket_of(identity), identity) for identity in chosen]
        people.executemany("INSERT OR IGNORE INTO people VALUES (?, ?)", rows)
    return people


def _note_drift(of: SnapshotRun, people: sqlite3.Connection) -> None:
    counts = {"on_the_list_only": 0, "in_the_ledger_only": 0}
    for numbers in _groups():
        for found in _differing(of, _listed(people, numbers)).values():
            counts["on_the_list_only"] += len(found.on_the_list_only)
            counts["in_the_ledger_only"] += len(found.in_the_ledger_only)
    of.record.drift = counts
    of.note()


def _differing(of: SnapshotRun, listed: dict[int, set[str]]) -> dict[int, Drift]:
    """Where list and ledger differ, by the number of the bucket."""
    of.renew()
    known = members.read(of.delivery.redis, of.audience, listed)
    found = {number: drift_of(bucket, listed[number]) for number, bucket in known.items()}
    return {number: each for number, each in found.items() if any(each)}


def _newer(of: SnapshotRun, identities: Collection[str]) -> set[str]:
    """Those of whom a single change came since."""
    by_key = {key: identity for identity in identities for key in keys_of_member(identity)}
    return {by_key[key] for key in guard.recent(of.delivery.redis, of.audience, [*by_key])}


def _listed(people: sqlite3.Connection, numbers: range) -> dict[int, set[str]]:
    listed: dict[int, set[str]] = {number: set() for number in numbers}
    between = (numbers.start, numbers.stop)
    for number, identity in people.execute("SELECT * FROM people WHERE bucket >= ? AND bucket < ?", between):
        listed[number].add(identity)
    return listed


def _groups() -> list[range]:
    return [range(start, min(start + GROUP, members.BUCKETS)) for start in range(0, members.BUCKETS, GROUP)]


class Drift(NamedTuple):
    """Members whom only one of the two knows, by identity."""

    on_the_list_only: set[str]
    in_the_ledger_only: set[str]


def drift_of(bucket: Bucket, listed: Collection[str]) -> Drift:
    """Where they differ."""
    return Drift({*listed} - bucket.members.keys(), bucket.members.keys() - {*listed})


def as_listed(bucket: Bucket, listed: Collection[str], newer: Collection[str]) -> Bucket:
    """The bucket of those who are on the list.

    `newer`: of whom a single change came since; the ledger knows better than the list, which was read before or after.
    """
    found = {identity: known for identity, known in bucket.members.items() if identity in listed or identity in newer}
    for identity in listed:
        left = identity in newer and gone_key(identity) in bucket.gone
        if not left:
            found.setdefault(identity, Member(0))
    return Bucket(found, bucket.gone)


def choose(identities: Identities, named: Collection[str]) -> str:
    """By which identity the ledger is to know somebody on the list: the strongest in the snapshot, else of all.

    Klaviyo may know more of a person than the snapshot says. Under the strongest of all they would be taken off the
    list that the other has just put them on.
    """
    return next((identity for identity in identities if identity in named), identities[0])
