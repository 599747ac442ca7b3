"""Prepares the membership ledger, which a snapshot is compared with.

When the ledger is unreliable, it is first made equal to Klaviyo's list. The functions at the end compare the list with
the ledger; they are pure.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from contextlib import closing
from typing import Final, NamedTuple

from klaviyo.errors import NotAccepted
from klaviyo.list_people import Listing
from klaviyo.outcomes import HoldNeeded
from mappings.identifiers import canonical_email
from queues.snapshots import comparisons, guard, members, rosters
from queues.snapshots.members import Bucket, Member, gone_key
from queues.snapshots.rosters import Identities
from snapshots import tally
from snapshots.gathering import Gathered
from snapshots.rows import keys_of_member
from worker.errors import Later
from worker.lists import is_gone, list_of
from worker.snapshots.run import SnapshotRun

#: Buckets read or written at a time; with a million members they hold some 16,000.
GROUP: Final = 64
_SCHEMA: Final = "CREATE TABLE people (bucket INTEGER, identity TEXT, PRIMARY KEY (bucket, identity)) WITHOUT ROWID;"
#: People stored at a time.
PORTION = 5_000


def prepare_baseline(of: SnapshotRun) -> None:
    """Read Klaviyo's list if the ledger is not reliable. Raises NotAccepted, Later, Held, LeaseLost."""
    redis, queue = of.delivery.redis, of.delivery.batch.queue
    if not of.course.list_id:
        of.course.list_id = list_of(of.aimed, create=False) or ""
        known = guard.list_of_ledger(redis, queue)
        first = members.snapshot_at(redis, of.audience) == 0
        if not (first or of.order.reconcile or is_another(known, of.course.list_id) or _is_deleted(of)):
            guard.note_list(redis, queue, of.course.list_id)
            of.course.step = "plan"
            return of.note()
    if of.course.list_id:
        read_list(of)
    of.course.step = "rewrite"
    return of.note()


def _is_deleted(of: SnapshotRun) -> bool:
    """Return whether somebody deleted the list in Klaviyo: then nobody is on it, whatever the ledger says."""
    return bool(of.course.list_id) and is_gone(of.delivery.klaviyo, of.course.list_id)


def is_another(known: str | None, list_id: str) -> bool:
    """Return whether the audience now uses another list than the one in the ledger. Pure."""
    return known not in (None, "", list_id)


def rewrite(of: SnapshotRun, gathered: Gathered) -> None:
    """Make the ledger equal to the list as read, except for people changed since. Raises Later, LeaseLost."""
    redis = of.delivery.redis
    if rosters.portions(redis, of.order.snapshot) < of.course.portions:
        # Members missing from the remaining portions would stay on the list for ever.
        of.begin_again()
        raise Later(f"snapshot {of.order.snapshot}: the stored copy of the list is too old; it is read again", 1.0)
    with closing(_by_bucket(of, gathered)) as people:
        if members.snapshot_at(redis, of.audience) and not of.record.drift:
            _note_drift(of, people)
        for numbers in _groups():
            _rewrite(of, _listed(people, numbers))
    guard.note_list(redis, of.delivery.batch.queue, of.course.list_id)
    comparisons.forget(redis, of.audience)
    of.course.step, of.course.starts = "plan", 0
    of.note()
    # Only now: a restart without the stored list would find no members.
    rosters.drop(redis, of.order.snapshot)


def _rewrite(of: SnapshotRun, listed: dict[int, set[str]]) -> None:
    differ = _differing(of, listed)
    newer = newer_people(of, {identity for found in differ.values() for identities in found for identity in identities})

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
    """Return the differences between list and ledger, by the number of the bucket."""
    of.renew()
    known = members.read(of.delivery.redis, of.audience, listed)
    found = {number: drift_of(bucket, listed[number]) for number, bucket in known.items()}
    return {number: each for number, each in found.items() if any(each)}


def newer_people(of: SnapshotRun, identities: Collection[str]) -> set[str]:
    """Return the identities with a single change since."""
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
    """Identities that are only on the list, or only in the ledger."""

    on_the_list_only: set[str]
    in_the_ledger_only: set[str]


def drift_of(bucket: Bucket, listed: Collection[str]) -> Drift:
    """Return the differences between a bucket and the list."""
    return Drift({*listed} - bucket.members.keys(), bucket.members.keys() - {*listed})


def as_listed(bucket: Bucket, listed: Collection[str], newer: Collection[str]) -> Bucket:
    """Return the bucket with the people on the list.

    `newer`: identities with a single change since. For these the ledger is right, and the list may have been read too
    early or too late.
    """
    found = {identity: known for identity, known in bucket.members.items() if identity in listed or identity in newer}
    for identity in listed:
        left = identity in newer and gone_key(identity) in bucket.gone
        if not left:
            found.setdefault(identity, Member(0))
    return Bucket(found, bucket.gone, bucket.filled)


def choose(identities: Identities, named: Collection[str]) -> str:
    """Return the ledger's identity for a person on the list: the strongest in the snapshot, else the strongest of all.

    Klaviyo may have more identities of a person than the snapshot. Under one that the snapshot lacks, the person would
    be removed from the list while the snapshot's identity adds the person.
    """
    return next((identity for identity in identities if identity in named), identities[0])


def read_list(of: SnapshotRun) -> None:
    """Store everybody on the list of `course.list_id`, from its cursor on. Raises NotAccepted, LeaseLost.

    675 pages a minute are allowed: at the limit the batch goes back, and reading continues at the cursor.
    """
    listing = of.delivery.klaviyo.list_profiles(of.course.list_id, of.course.cursor)
    more = True
    while more:
        found: list[Identities] = []
        try:
            more = _portion(listing, found)
        except NotAccepted as refusal:
            if not (isinstance(refusal.outcome, HoldNeeded) and refusal.outcome.reason == "list_gone"):
                raise
            # A deleted list has no members. The audience's own queue handles the missing list when it uploads.
            more = False
        finally:
            if found:
                rosters.add(of.delivery.redis, of.order.snapshot, found)
                of.course.cursor = listing.cursor
                of.course.portions += 1
        of.note()


def identities(profile: Mapping[str, str | None]) -> Identities:
    """Return the identities that the membership ledger may use for a person on a list, strongest first. Pure."""
    return members.identities({**profile, "email": canonical_email(profile.get("email") or "")})


def _portion(listing: Listing[dict[str, str | None]], found: list[Identities]) -> bool:
    """Add up to PORTION people to `found`; return whether there may be more."""
    for profile in listing:
        if known := identities(profile):
            found.append(known)
        if len(found) >= PORTION:
            return True
    return False
