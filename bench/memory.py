"""Figure: what a pending change takes in Redis, over the bytes of the person that must be kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from redis import Redis

from bench.filling import accept, acceptances, messages
from bench.processes import redis_server
from bench.report import Figure, Row, Verdict
from bench.sizes import Sizes
from queues.acceptance import Acceptance
from queues.change import decode

#: Changes that wait in each queue, as many as the default flush policy lets wait.
_WAITING = 100
#: Redis bytes over payload.
TARGET = 0.25
_HOW = f"""\
The rise of `used_memory` of an empty server while changes come to wait, {_WAITING} in each queue, over the bytes of the
stored persons alone. `used_memory_dataset` would leave out the overhead of the keys. Counted with it are the queues
and, for 24 hours, a mark for each message, by which its repetition is recognised: with one person in a message that is
a mark for each change."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Messages of a hundred people, and of one."""
    rows = [_row(sizes.changes, people, folder) for people in (100, 1)]
    return Figure("Memory", _HOW, rows)


def _row(changes: int, people: int, folder: Path) -> Row:
    with redis_server(folder, f"memory-{people}") as url, Redis.from_url(url) as redis:
        accept(redis, acceptances(messages(1, 1, first=changes)))  # loads the script, makes the buffers
        payload = _Payload()
        before = _used(redis)
        bodies = messages(changes // people, people, spread=_WAITING // people)
        accept(redis, payload.watched(acceptances(bodies)))
        used = (_used(redis) - before) / changes
    person = payload.bytes / changes
    over = used / person - 1
    ratio = f"{over:+.0%}"
    return Row(
        f"Redis memory of a pending change, {people} in a message",
        f"{used:,.0f} bytes",
        f"{person:,.0f} bytes of the person",
        Verdict(ratio, f"<= {TARGET:+.0%}", over <= TARGET) if people > 1 else Verdict(ratio),
    )


class _Payload:
    """Adds up the bytes of the persons that pass."""

    def __init__(self) -> None:
        self.bytes = 0

    def watched(self, found: Iterator[Acceptance]) -> Iterator[Acceptance]:
        for acceptance in found:
            self.bytes += sum(len(bytes(decode(change).body.person)) for change in acceptance.changes)
            yield acceptance


def _used(redis: Redis) -> int:
    return int(redis.info("memory")["used_memory"])
