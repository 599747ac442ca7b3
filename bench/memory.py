"""Figure: the Redis memory of a pending change, compared with the bytes of the person that must be stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from redis import Redis

from bench.errors import BenchError
from bench.filling import accept, acceptances, messages
from bench.processes import redis_server
from bench.report import Figure, Row, Verdict
from bench.sizes import Sizes
from queues.acceptance import Acceptance
from queues.census import take_census
from queues.change import decode

#: Pending changes in each queue, as many as the default flush policy allows.
_WAITING = 100
#: Redis bytes over payload.
TARGET = 0.25
_HOW = f"""\
The increase of `used_memory` of an empty server by pending changes, {_WAITING} in each queue, compared with the bytes
of the stored persons alone. `used_memory_dataset` would not include the overhead of the keys. The figure includes the
queues and the mark that is stored for each message for 24 hours to recognise its repetition: with one person in a
message that is a mark for each change.

What a stored change of such a person weighs, beside its 564 bytes of the person: 64 for four person keys, by which the
scripts keep changes in order; 73 for action, times, source and the message's id, which dead letters and logs name; 14
for the header; and 17 for its place in the list (11 by MEMORY USAGE) and its share of the queue. The stored form alone
has 715 bytes, +27%, so no other way to keep it in Redis reaches +25%. A mark takes 116 bytes: 88 by MEMORY USAGE, the
others are its places in the server's tables of keys and of expiries.

To reach +20% in messages of 100 and +35% alone, 55 and 87 bytes would have to go. Keys and time of the header as bytes
would save 23, and make the stored form unreadable in `redis-cli`. An id that is stored once for a message would save
40, but then a change means nothing alone, when a batch, a dead letter or an erasure takes it out of its message. Marks
in shared hashes would save about 80, but each message would have to be looked for in two hashes, because Redis lets
only a whole hash expire. A digest in base64 would make a mark 20 bytes smaller (+47% alone), but messages that are sent
again across the upgrade would be accepted twice unless both names were looked for. Each of these is also a second form,
which has to be read beside the first as long as older changes wait or older marks count. So the forms stay."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure messages with a hundred people and with one. Raises BenchError."""
    rows = [_row(sizes.changes, people, folder) for people in (100, 1)]
    return Figure("Memory", _HOW, rows)


def weigh(
    folder: Path, name: str, first: Iterable[Acceptance], found: Iterable[Acceptance], changes: int
) -> tuple[float, float]:
    """Return the bytes of Redis and of payload for each of so many changes, in an empty server of that name.

    `first`, one change, loads the script and allocates the buffers. Raises BenchError when the ledger does not contain
    exactly the changes `found` at the end.
    """
    with redis_server(folder, name) as url, Redis.from_url(url) as redis:
        accept(redis, first)
        payload = _Payload()
        before = _used(redis)
        accept(redis, payload.watched(found))
        used = _used(redis) - before
        stored = sum(queue.accepted for queue in take_census(redis).queues) - 1
    if stored != changes:
        raise BenchError(f"{stored} changes were stored instead of {changes}")
    return used / changes, payload.bytes / changes


def of_pending(changes: int, people: int, folder: Path) -> tuple[float, float]:
    """Return the bytes of Redis and of the person for each of so many pending changes, `people` in a message."""
    first = acceptances(messages(1, 1, first=changes))
    found = acceptances(messages(changes // people, people, spread=_WAITING // people))
    return weigh(folder, f"memory-{people}", first, found, changes)


def _row(changes: int, people: int, folder: Path) -> Row:
    used, person = of_pending(changes, people, folder)
    over = used / person - 1
    ratio = f"{over:+.0%}"
    return Row(
        f"Redis memory of a pending change, {people} in a message",
        f"{used:,.0f} bytes",
        f"{person:,.0f} bytes of the person",
        Verdict(ratio, f"<= {TARGET:+.0%}", over <= TARGET) if people > 1 else Verdict(ratio),
    )


class _Payload:
    """Adds up the bytes of the persons in the acceptances."""

    def __init__(self) -> None:
        self.bytes = 0

    def watched(self, found: Iterable[Acceptance]) -> Iterator[Acceptance]:
        for acceptance in found:
            self.bytes += sum(len(bytes(decode(change).body.person)) for change in acceptance.changes)
            yield acceptance


def _used(redis: Redis) -> int:
    return int(redis.info("memory")["used_memory"])
