"""Measure the Redis memory of a list member: `python -m bench.snapshots_memory [MEMBERS]`, by default a million."""

from __future__ import annotations

import sys
import tempfile
import zlib
from collections import defaultdict
from pathlib import Path

from redis import Redis

from bench.processes import redis_server
from queues import keys
from queues.names import Queue
from queues.snapshots import members
from queues.snapshots.members import Bucket, Member

_QUEUE = Queue("default", "audience", "memory")
#: The time of the snapshot, which most members have; every tenth has the time of a later single change.
_AT = 1_800_000_000_000
_SINGLE = 10


def measure(people: int, attributes: int, folder: Path) -> float:
    """Return the bytes of Redis for each of so many members with so many delivered attributes.

    The addresses are of a common kind, and a tenth of the members came by single changes at different times.
    """
    buckets: dict[int, dict[str, Member]] = defaultdict(dict)
    for number in range(people):
        name = f"email:{_word(number)}.{_word(number + people)}{number % 100}@{('gmail.com', 'yahoo.com')[number % 2]}"
        at = _AT + (zlib.crc32(b"%d" % number) if number % _SINGLE == 0 else 0)
        buckets[members.bucket_of(name)][name] = Member(at, _digests(number, attributes))
    with redis_server(folder, f"members-{attributes}") as url, Redis.from_url(url) as redis:
        members.edit(redis, _QUEUE, buckets, lambda number, _: Bucket(buckets[number]))
        return int(redis.memory_usage(keys.queue(_QUEUE, "members"), samples=0) or 0) / people


def _word(number: int) -> str:
    """Return five to seven letters that compress as badly as the worst names."""
    digest = zlib.crc32(b"word %d" % number)
    return "".join(chr(97 + digest // 26**place % 26) for place in range(5 + digest % 3))


def _digests(number: int, attributes: int) -> bytes:
    """Return eight bytes an attribute: four for its name, the same for all members, and four for name and value."""
    pairs = ((zlib.crc32(b"%d" % each), zlib.crc32(b"%d %d" % (each, number))) for each in range(attributes))
    return b"".join(name.to_bytes(4, "big") + value.to_bytes(4, "big") for name, value in pairs)


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    for count in (0, 10):
        with tempfile.TemporaryDirectory(prefix="ferry-") as temporary:
            found = measure(wanted, count, Path(temporary))
        sys.stdout.write(f"{wanted:,} members, digests of {count} attributes: {found:.1f} bytes each\n")
