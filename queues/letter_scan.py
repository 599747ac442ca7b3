"""Reads very many dead letters, or single ones by id. It never writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, cast

from redis import Redis

from queues import dead_letters, keys, scripts
from queues.dead_letters import DeadLetter
from queues.names import Queue

#: Letters read by one script, which blocks Redis for some milliseconds, whatever their size.
_AT_ONCE: Final = 500


class LetterSummary(NamedTuple):
    """A letter without its change. `at`: ms at which it died; `nth`: its number in that ms. Both form its id."""

    at: int
    nth: int
    reason: str


def glances(redis: Redis, queue: Queue) -> Iterator[LetterSummary]:
    """Yield all letters of a queue, newest first, with few in memory at a time. Raises redis.RedisError."""
    newest = "+"
    while found := cast("list[bytes]", scripts.run(redis, "letters", [keys.queue(queue, "dead")], [newest, _AT_ONCE])):
        for stream_id, reason in zip(found[::2], found[1::2], strict=True):
            at, _, nth = stream_id.partition(b"-")
            yield LetterSummary(int(at), int(nth), reason.decode())
        newest = f"({found[-2].decode()}"


def some(redis: Redis, wanted: Iterable[tuple[Queue, str]]) -> list[DeadLetter]:
    """Return the letters with these ids that still exist, in this order, in one round trip. Raises redis.RedisError."""
    asked = list(wanted)
    with redis.pipeline(transaction=False) as pipe:
        for queue, letter_id in asked:
            pipe.xrange(keys.queue(queue, "dead"), letter_id, letter_id)
        answers = pipe.execute()
    return [
        dead_letters.letter(queue, letter_id, found[0][1])
        for (queue, letter_id), found in zip(asked, answers, strict=True)
        if found
    ]


def under_way(redis: Redis, letters: Sequence[DeadLetter]) -> list[bool]:
    """Return for each letter whether its person is in an open batch, so that a replay would skip it (replay.lua).

    Raises redis.RedisError.
    """
    with redis.pipeline(transaction=False) as pipe:
        for letter in letters:
            pipe.smismember(keys.queue(letter.queue, "open"), [*letter.change.keys])
        return [any(answer) for answer in pipe.execute()]
