"""The people of a campaign's list: members in the request, then those of audiences, without the excluded ones.

An audience may have millions of members, so its membership ledger is read some buckets at a time. A person is in the
bucket of the same number in every ledger.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Final

import msgspec
from redis.asyncio import Redis

from intake.campaigns.members import EMAIL, Excluded, GroupMember, MemberIdentities
from intake.campaigns.reading import AudienceSource, PlannedSnapshot
from intake.snapshots.status import unavailable
from queues.names import Queue
from queues.snapshots import sources
from queues.snapshots.buckets import BUCKETS, PERHAPS, Bucket, bucket_of, identifiers
from queues.snapshots.orders import PIECE
from queues.snapshots.sources import AudienceNotReady

#: Buckets read at once: of an audience of a million members, 4,000 people, which take about five ms.
_AT_ONCE: Final = 16
_encode = msgspec.json.Encoder().encode


async def check(redis: Redis, planned: Sequence[PlannedSnapshot]) -> None:
    """Raise AudienceNotReady if an audience of a campaign cannot be used now, Unavailable without Redis."""
    named = {queue for each in planned for queue in (*(source.queue for source in each.sources), *each.out_of)}
    with unavailable():
        for queue in sorted(named):
            await sources.check(redis, queue)


class Filling:
    """The people of one list. `members`, `excluded`: how many were yielded and left out so far."""

    def __init__(self, redis: Redis, planned: PlannedSnapshot) -> None:
        self._redis = redis
        self._planned = planned
        self.members = 0
        self.excluded = planned.excluded

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the people as NDJSON, in pieces of PIECE bytes and a rest.

        Raises AudienceNotReady if the audiences cannot be compared, Unavailable without Redis.
        """
        buffer = bytearray()
        async for line in self._lines():
            buffer += line + b"\n"
            if len(buffer) >= PIECE:
                yield bytes(buffer[:PIECE])
                del buffer[:PIECE]
        for start in range(0, len(buffer), PIECE):
            yield bytes(buffer[start : start + PIECE])

    async def _lines(self) -> AsyncIterator[bytes]:
        found = await self._in_excluded_audiences()
        out = Excluded(found, found)
        for member in self._planned.members:
            if any(map(out.has, member.people)):
                self.excluded += 1
            else:
                self.members += 1
                yield member.line
        for source in self._planned.sources:
            for start in range(0, BUCKETS, _AT_ONCE):
                for line in await self._of_audience(source, range(start, start + _AT_ONCE)):
                    yield line

    async def _in_excluded_audiences(self) -> frozenset[str]:
        """Return which identities of members in the request belong to members of an excluded audience."""
        if not self._planned.out_of:
            return frozenset()
        # In a thread: a hundred thousand people take a tenth of a second, and other senders must not wait.
        names = await asyncio.to_thread(_by_bucket, self._planned.members)
        found: set[str] = set()
        numbers = sorted(names)
        for start in range(0, len(numbers), _AT_ONCE):
            portion = numbers[start : start + _AT_ONCE]
            for queue in self._planned.out_of:
                for number, bucket in zip(portion, await self._read(queue, portion), strict=True):
                    found |= names[number] & bucket.members.keys()
        return frozenset(found)

    async def _of_audience(self, source: AudienceSource, numbers: Sequence[int]) -> list[bytes]:
        buckets = await self._read(source.queue, numbers)
        out: list[Bucket] = []
        for queue in self._planned.out_of:
            out += await self._read(queue, numbers)
        gone = {name for bucket in out for name in bucket.members}
        return [*self._kept(source, buckets, gone)]

    def _kept(self, source: AudienceSource, buckets: Sequence[Bucket], gone: set[str]) -> Iterator[bytes]:
        """Yield the lines of members who go on the list. `gone`: identities of members of excluded audiences."""
        planned = self._planned
        compared = bool(planned.out_of or planned.out.identities)
        _check_emails(gone)
        for name, member in ((name, member) for bucket in buckets for name, member in bucket.members.items()):
            if compared:
                _check_emails((name,))
            if not source.has(name):
                continue
            # It is not certain that this person is still on the list of the audience.
            if member.at == PERHAPS or name in gone or planned.out.has(MemberIdentities(name)):
                self.excluded += 1
            else:
                self.members += 1
                yield _encode(identifiers(name))

    async def _read(self, queue: Queue, numbers: Sequence[int]) -> list[Bucket]:
        with unavailable():
            return await sources.read(self._redis, queue, numbers)


def _by_bucket(members: Iterable[GroupMember]) -> dict[int, set[str]]:
    """Return all identities of these members by the buckets of a ledger in which they would be."""
    names: defaultdict[int, set[str]] = defaultdict(set)
    for person in (person for member in members for person in member.people):
        for name in (person.identity, *person.also):
            names[bucket_of(name)].add(name)
    return names


def _check_emails(names: set[str] | tuple[str]) -> None:
    """Raise AudienceNotReady for somebody without an e-mail, who may be in the other audience under one."""
    if not all(name.startswith(EMAIL) for name in names):
        raise AudienceNotReady(
            "a group comes from an audience and people are excluded, but somebody in one of the audiences has no "
            "e-mail, by which both are compared. Give the members of the group in the campaign instead"
        )
