"""The people of a campaign's list: those of audiences, then members in the request, without the excluded ones.

An audience may have millions of members, so its membership ledger is read some buckets at a time. A person is in the
bucket of the same number in every ledger. Excluded audiences are read completely: somebody without an e-mail may be a
member of the request, who is known by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec
from redis.asyncio import Redis

from intake.campaigns import members
from intake.campaigns.members import EMAIL, Excluded, GroupMember
from intake.campaigns.reading import AudienceSource, PlannedSnapshot
from intake.snapshots.status import unavailable
from queues.names import Queue
from queues.snapshots import sources
from queues.snapshots.buckets import BUCKETS, PERHAPS, Bucket, identifiers
from queues.snapshots.orders import PIECE
from queues.snapshots.sources import AudienceNotReady

#: Buckets read at once: of an audience of a million members, 16,000 people, which take about 20 ms in a thread.
_AT_ONCE: Final = 64
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
        """Yield people of audiences first: the last row of a person counts, and members have attributes."""
        planned = self._planned
        named = await asyncio.to_thread(_identities, planned.members) if planned.out_of else frozenset()
        out: set[str] = set()
        for start in range(0, BUCKETS, _AT_ONCE) if planned.sources or planned.out_of else ():
            buckets = await self._read(range(start, start + _AT_ONCE))
            # In a thread: other senders must not wait.
            lines, gone = await asyncio.to_thread(self._portion, buckets)
            out |= gone & named
            for line in lines:
                yield line
        kept = await asyncio.to_thread(members.kept, planned.members, Excluded(out, out))
        self.members += len(kept)
        self.excluded += len(planned.members) - len(kept)
        for member in kept:
            yield member.line

    async def _read(self, numbers: Sequence[int]) -> dict[Queue, list[Bucket]]:
        """Return these buckets of all audiences of the list, each read once."""
        queues = dict.fromkeys((*(source.queue for source in self._planned.sources), *self._planned.out_of))
        with unavailable():
            return {queue: await sources.read(self._redis, queue, numbers) for queue in queues}

    def _portion(self, buckets: Mapping[Queue, Sequence[Bucket]]) -> tuple[list[bytes], set[str]]:
        """Return the lines of the people of audiences, and the members of excluded audiences."""
        gone = {name for queue in self._planned.out_of for bucket in buckets[queue] for name in bucket.members}
        _check_emails(gone)
        lines = [line for source in self._planned.sources for line in self._kept(source, buckets[source.queue], gone)]
        return lines, gone

    def _kept(self, source: AudienceSource, buckets: Sequence[Bucket], gone: set[str]) -> Iterator[bytes]:
        """Yield the lines of members who go on the list. `gone`: identities of members of excluded audiences."""
        planned = self._planned
        compared = bool(planned.out_of or planned.out)
        for name, member in ((name, member) for bucket in buckets for name, member in bucket.members.items()):
            if compared:
                _check_emails((name,))
            if not source.has(name):
                continue
            # It is not certain that this person is still on the list of the audience.
            if member.at == PERHAPS or name in gone or name in planned.out:
                self.excluded += 1
            else:
                self.members += 1
                yield _encode(identifiers(name))


def _identities(members: Iterable[GroupMember]) -> frozenset[str]:
    people = (person for member in members for person in member.people)
    return frozenset(name for person in people for name in (person.identity, *person.also))


def _check_emails(names: set[str] | tuple[str]) -> None:
    """Raise AudienceNotReady for somebody without an e-mail, who may be in the other audience under one."""
    if not all(name.startswith(EMAIL) for name in names):
        raise AudienceNotReady(
            "people of audiences are compared with others by e-mail, but somebody in one of the audiences has none. "
            "Give the people of that audience in the campaign instead: as members of a group, or as exclusions"
        )
