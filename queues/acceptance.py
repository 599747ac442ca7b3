"""What one message brings to one queue, and the calls of the `accept` script that write it down."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from redis import Redis

from queues import bounds, keys, scripts, undecided_erasures
from queues.errors import QueueFull
from queues.names import Queue
from queues.policy import FlushPolicy
from queues.server.rollback import Step

#: Changes and bytes in one call of the script: some milliseconds, in which nothing else in Redis runs. A dead letter
#: counts as two changes; a single change may have more bytes.
ITEMS: Final = 500
BYTES: Final = 2_000_000
#: How long a repeated message is recognised, in ms (24 h).
REMEMBERED_MS = 86_400_000
#: In front of the JSON of an audience: what is known of its list stays (accept.lua).
LISTS_STAY: Final = b"+"
#: Characters of the script's answer.
_SEEN, _DUE, _FULL = b"02-"


@dataclass(frozen=True, slots=True)
class DeadOnArrival:
    """A change that can be read well enough to keep, and not well enough to deliver. `change`: its stored form."""

    change: bytes
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Everything one message brings to one queue.

    `message`: the CDP's id of the message, empty when it has none and cannot be recognised when repeated.
    `changes`: stored forms, in the order of the message. `audience`: JSON to remember, behind LISTS_STAY where its list
    settings do not count; empty for as it was. `source`: whose changes they are; `clamped`: how many of them had a time
    that cannot be, and count as of their arrival. `portion`: which part of the message it is, where `portions` has
    divided it.
    """

    queue: Queue
    policy: FlushPolicy
    message: str = ""
    changes: list[bytes] = field(default_factory=list)
    dead: list[DeadOnArrival] = field(default_factory=list)
    audience: bytes = b""
    source: str = ""
    clamped: int = 0
    portion: str = ""

    @property
    def load(self) -> float:
        """The share of what one call of the script may carry that it takes; more than 1: it has to be divided."""
        size = sum(map(len, self.changes)) + sum(len(letter.change) for letter in self.dead)
        return max((len(self.changes) + 2 * len(self.dead)) / ITEMS, size / BYTES)


@dataclass(frozen=True, slots=True)
class AcceptResult:
    """`fresh`: false for a message seen before. `became_due`: a scheduler should look at the queue at once."""

    fresh: bool
    became_due: bool


@dataclass(frozen=True, slots=True)
class Call:
    """One call of `accept.lua`. `members`: places, in what was given to `calls`, of the acceptances it carries."""

    partition: int
    keys: list[str]
    args: list[Any]
    members: list[int]


def portions(acceptance: Acceptance) -> Iterator[Acceptance]:
    """Its parts, in their order, each of which one call of the script may carry; itself, where one call may."""
    if acceptance.load <= 1:
        yield acceptance
        return
    audience, clamped, living = acceptance.audience, acceptance.clamped, len(acceptance.changes)
    for first, last in _ranges(acceptance):
        changes = acceptance.changes[first:last]
        dead = acceptance.dead[max(0, first - living) : max(0, last - living)]
        # Where it begins and ends is part of what it is recognised by: divided otherwise by another version of Ferry, a
        # repeated message is stored twice rather than a part of it not at all.
        part = f"{first}-{last}"
        yield replace(acceptance, changes=changes, dead=dead, audience=audience, clamped=clamped, portion=part)
        audience, clamped = b"", 0


def _ranges(acceptance: Acceptance) -> Iterator[tuple[int, int]]:
    """Where portions begin and end, counted over the changes and then the dead."""
    sizes = [(1, len(change)) for change in acceptance.changes]
    sizes += [(2, len(letter.change)) for letter in acceptance.dead]
    first = items = size = 0
    for at, (item, length) in enumerate(sizes):
        if at > first and (items + item > ITEMS or size + length > BYTES):
            yield first, at
            first, items, size = at, 0, 0
        items += item
        size += length
    yield first, len(sizes)


def calls(acceptances: Sequence[Acceptance], now: int, most: int = bounds.PENDING_IN_QUEUE) -> list[Call]:
    """The calls that write these down, one for each queue. `most` changes may wait in a queue."""
    found: dict[Queue, Call] = {}
    for place, acceptance in enumerate(acceptances):
        call = found.get(acceptance.queue)
        if call is None:
            call = found[acceptance.queue] = _call(acceptance, now, most)
        call.members.append(place)
        _add(call, acceptance)
    return [*found.values()]


def _call(acceptance: Acceptance, now: int, most: int) -> Call:
    name, partition, script_keys, _ = _of_queue(acceptance.queue)
    policy = acceptance.policy
    args = [
        name,
        now,
        policy.size,
        policy.age_ms,
        most,
        REMEMBERED_MS,
        bounds.LETTERS_AT_MOST,
        undecided_erasures.REASON,
    ]
    return Call(partition, [*script_keys], args, [])


def _add(call: Call, acceptance: Acceptance) -> None:
    name, _, _, seen = _of_queue(acceptance.queue)
    portion = f"\0{acceptance.portion}" if acceptance.portion else ""
    message = f"{name}\0{acceptance.message}{portion}".encode("utf-8", "replace")
    call.keys.append(seen + hashlib.blake2b(message, digest_size=15).hexdigest())
    remember = "1" if acceptance.message else ""
    call.args.extend((remember, acceptance.audience, len(acceptance.changes), len(acceptance.dead)))
    call.args.extend(acceptance.changes)
    for letter in acceptance.dead:
        call.args.extend((letter.change, letter.reason, letter.detail))


# Building the names takes as long as everything else that an intake does for a message.
@lru_cache(maxsize=10_000)
def _of_queue(queue: Queue) -> tuple[str, int, tuple[str, ...], str]:
    """The queue's name, partition and keys, and what comes before the digest of a message in the key of its mark."""
    script_keys = (
        keys.queue(queue),
        keys.queue(queue, "pending"),
        keys.partition(queue.partition, "due"),
        keys.queue(queue, "dead"),
        keys.queue(queue, "buried"),
        keys.partition(queue.partition, "queues"),
        keys.queue(queue, "recent"),
        keys.partition(queue.partition, "steps"),
    )
    return str(queue), queue.partition, script_keys, keys.seen(queue, "")


def accept(redis: Redis, acceptance: Acceptance, now: int, most: int = bounds.PENDING_IN_QUEUE) -> AcceptResult:
    """Write an acceptance down, a portion at a time.

    Raises QueueFull or redis.RedisError with nothing written behind the portion that was not; when the message is
    repeated, those that were are recognised.
    """
    return together([_accept(redis, portion, now, most) for portion in portions(acceptance)])


def _accept(redis: Redis, portion: Acceptance, now: int, most: int) -> AcceptResult:
    (call,) = calls([portion], now, most)
    (answer,) = outcomes(call, [portion], scripts.run(redis, "accept", call.keys, call.args))
    if isinstance(answer, QueueFull):
        raise answer
    return answer


def together(done: Sequence[AcceptResult]) -> AcceptResult:
    """What became of an acceptance, of which this became of its portions."""
    return AcceptResult(any(each.fresh for each in done), any(each.became_due for each in done))


def outcomes(call: Call, acceptances: Sequence[Acceptance], answer: Sequence[Any]) -> list[AcceptResult | QueueFull]:
    """What the answer of `accept.lua` means for each member of a call. `acceptances`: what was given to `calls`."""
    signs: bytes = answer[0]
    return [
        QueueFull(str(acceptances[place].queue)) if sign == _FULL else AcceptResult(sign != _SEEN, sign == _DUE)
        for place, sign in zip(call.members, signs, strict=True)
    ]


def steps(answer: Sequence[Any], now: int) -> tuple[Step, Step]:
    """The step at which a call found the partition of its queue, and the one at which it left it. `now`: its ms."""
    signs, number, at = answer
    found = Step(number, at)
    return found, Step(number + 1, now) if b"1" in signs or b"2" in signs else found
