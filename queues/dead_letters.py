"""Dead letters: changes that could not be delivered, kept with the reason until replayed or purged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis import Redis

from queues import keys, scripts
from queues.change import Change, decode
from queues.names import Queue

_PAGE = 500
_Page = list[tuple[bytes, dict[bytes, bytes]]]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A change that could not be delivered. `at`: ms at which it died; `first`: ms when it was taken or accepted."""

    id: str
    queue: Queue
    reason: str
    detail: dict[str, Any]
    first: int
    attempts: int
    change: Change

    @property
    def at(self) -> int:
        """The ms at which the letter died: the stream id begins with the server's time."""
        return int(self.id.partition("-")[0])


def read(redis: Redis, queue: Queue, since: int = 0, after: str = "") -> Iterator[DeadLetter]:
    """Yield the dead letters of a queue that died at `since` (ms) or later, oldest first, read in pages.

    `after`: the id of a letter; only later ones are returned.
    """
    start = f"({after}" if after else str(since)
    while page := cast(_Page, redis.xrange(keys.queue(queue, "dead"), min=start, max="+", count=_PAGE)):
        for stream_id, fields in page:
            yield letter(queue, stream_id.decode(), fields)
        start = f"({page[-1][0].decode()}"


def letter(queue: Queue, stream_id: str, fields: dict[bytes, bytes]) -> DeadLetter:
    """Return a letter from its entry in the stream."""
    detail = fields[b"detail"].decode()
    return DeadLetter(
        id=stream_id,
        queue=queue,
        reason=fields[b"reason"].decode(),
        detail=json.loads(detail) if detail.startswith("{") else {"detail": detail},
        first=int(fields[b"first"]),
        attempts=int(fields[b"attempts"]),
        change=decode(fields[b"change"]),
    )


@dataclass(frozen=True, slots=True)
class Replayed:
    """The result of a replay. `stayed`: letters of people in an open batch; replay them after its settlement."""

    replayed: int
    stayed: int


def replay(redis: Redis, queue: Queue, ids: list[str], now: int, instead: bytes = b"") -> Replayed:
    """Put dead letters back into their queue, ahead of everything accepted after them. `ids`: oldest first.

    `instead`: a change that replaces the change of a single letter.
    """
    replayed, stayed, _ = scripts.run(redis, "replay", script_keys(queue), [str(queue), now, instead, *ids])
    return Replayed(replayed, stayed)


def script_keys(queue: Queue) -> list[str]:
    """Return the KEYS of the scripts that read pending changes, dead letters and open batches."""
    return [
        keys.queue(queue),
        keys.queue(queue, "pending"),
        keys.partition(queue.partition, "due"),
        keys.queue(queue, "dead"),
        keys.queue(queue, "buried"),
        keys.queue(queue, "open"),
    ]


def purge(redis: Redis, queue: Queue, ids: list[str], evicted: bool = False) -> int:
    """Delete dead letters; return how many still existed. They stay counted as dead, and as `evicted` if it is set."""
    own_keys = [keys.queue(queue), keys.queue(queue, "dead"), keys.queue(queue, "buried")]
    return int(scripts.run(redis, "purge", own_keys, [int(evicted), *ids]))


@dataclass(frozen=True, slots=True)
class KeptLetters:
    """The number of letters in a queue, and the ms at which the oldest died, None if there are none."""

    letters: int
    oldest: int | None


def kept(redis: Redis, queues: Sequence[Queue]) -> list[KeptLetters]:
    """Return the kept letters of each queue, in one round trip."""
    with redis.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.xlen(keys.queue(queue, "dead"))
            pipe.xrange(keys.queue(queue, "dead"), count=1)
        answers = pipe.execute()
    return [
        KeptLetters(letters, int(first[0][0].partition(b"-")[0]) if first else None)
        for letters, first in zip(answers[::2], answers[1::2], strict=True)
    ]


def evict(redis: Redis, queue: Queue, letters: int, since: int, spared: str) -> int:
    """Delete the oldest until at most `letters` are kept, all dead since `since` (ms) or later; return how many went.

    Letters with the reason `spared` count but are not deleted.
    """
    going = list(_beyond(redis, queue, letters, since, spared.encode()))
    parts = [going[start : start + _PAGE] for start in range(0, len(going), _PAGE)]
    return sum(purge(redis, queue, part, evicted=True) for part in parts)


def _beyond(redis: Redis, queue: Queue, letters: int, since: int, spared: bytes) -> Iterator[str]:
    """Yield the ids of the oldest letters that are too many or too old."""
    key, start = keys.queue(queue, "dead"), "-"
    excess = redis.xlen(key) - letters
    while page := cast(_Page, redis.xrange(key, min=start, max="+", count=_PAGE)):
        for stream_id, fields in page:
            if excess <= 0 and int(stream_id.partition(b"-")[0]) >= since:
                return
            if fields[b"reason"] != spared:
                excess -= 1
                yield stream_id.decode()
        start = f"({page[-1][0].decode()}"
