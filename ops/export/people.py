"""The people of an export: those of a file, or the known people of an audience."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from redis import Redis

from mappings.profile import Profile, to_profile
from mappings.rules import Rules
from mappings.sources import read
from ops.export.joining import sendable, waiting
from queues import unsettled
from queues.names import Queue
from queues.snapshots import members
from snapshots.gathering import gather
from snapshots.rows import SnapshotRow, Unusable
from worker.errors import guarded

#: Buckets of the membership ledger that are read at once.
_AT_ONCE = 256


def of_file(rows: Iterable[SnapshotRow | Unusable], rules: Rules, left_out: Counter[str]) -> Iterator[Profile]:
    """Yield every person of a file once, by the last row; count those who cannot be sent by reason.

    Raises what `rows` raises.
    """
    gathered = gather(rows)
    try:
        left_out.update(gathered.counts.shrink)
        for _, people in gathered.buckets():
            for row in people.values():
                yield from _usable(_profile(row.fragment, rules), left_out)
    finally:
        gathered.close()


def of_audience(redis: Redis, queue: Queue, rules: Rules, left_out: Counter[str]) -> Iterator[Profile]:
    """Yield the people who are about to join, with attributes; then the members, for whom Ferry keeps only an identity.

    People who are about to leave are left out.
    """
    to_come = waiting(unsettled.changes(redis, queue), rules)
    left_out.update(to_come.left_out)
    yield from to_come.joining.values()
    elsewhere = to_come.joining.keys() | to_come.leaving
    for member in _members(redis, queue):
        if member not in elsewhere:
            yield Profile(dict(members.identifiers(member)))


def _members(redis: Redis, queue: Queue) -> Iterator[str]:
    for start in range(0, members.BUCKETS, _AT_ONCE):
        for bucket in members.read(redis, queue, range(start, start + _AT_ONCE)).values():
            yield from bucket.members


def _profile(fragment: bytes, rules: Rules) -> Profile | str:
    mapped = guarded(lambda: to_profile(read("snapshot", fragment), rules), "export")
    return sendable(mapped) if isinstance(mapped, Profile) else mapped.reason


def _usable(profile: Profile | str, left_out: Counter[str]) -> Iterator[Profile]:
    if isinstance(profile, Profile):
        yield profile
    else:
        left_out[profile] += 1
