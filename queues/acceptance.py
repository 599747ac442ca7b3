"""The content of one message for one queue, and the calls of the `accept` script that write it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from redis import Redis

from queues import bounds, keys, scripts, undecided_erasures
from queues.errors import QueueFull
from queues.names import Queue
from queues.policy import FlushPolicy
from queues.server.rollback import Step

#: Changes and bytes in one call of the script, which blocks Redis for some milliseconds. A dead letter counts as two
#: changes; a single change may have more bytes.
ITEMS: Final = 500
BYTES: Final = 2_000_000
#: ms for which a repeated message is recognised (24 h).
REMEMBERED_MS = 86_400_000
#: Prefix of an audience's JSON: the known list settings are kept (accept.lua).
LISTS_STAY: Final = b"+"
#: Characters of the script's answer.
_SEEN, _DUE, _FULL = b"02-"


class DeadOnArrival(msgspec.Struct, frozen=True):
    """A change that is readable enough to keep but not to deliver. `change`: its stored form."""

    change: bytes
    reason: str
    detail: str


class Acceptance(msgspec.Struct, frozen=True, dict=True):
    """The content of one message for one queue.

    `message`: the CDP's id of the message; empty when it has none, so that a repetition is not recognised.
    `changes`: stored forms, in the order of the message. `audience`: JSON to remember, with the prefix LISTS_STAY if
    its list settings do not count; empty: unchanged. `source`: origin of the changes. `clamped`: how many of them had
    an impossible time, which is replaced by the time of arrival. `portion`: the part of the message that this is, if
    `portions` has divided it.
    """

    queue: Queue
    policy: FlushPolicy
    message: str = ""
    changes: list[bytes] = []
    dead: list[DeadOnArrival] = []
    audience: bytes = b""
    source: str = ""
    clamped: int = 0
    portion: str = ""

    @cached_property
    def load(self) -> float:
        """The share of one script call's capacity that this takes; above 1 it must be divided."""
        size = sum(map(len, self.changes)) + sum(len(letter.change) for letter in self.dead)
        return max((len(self.changes) + 2 * len(self.dead)) / ITEMS, size / BYTES)


class AcceptResult(msgspec.Struct, frozen=True):
    """The result of an acceptance. `fresh`: False for a repeated message. `became_due`: the queue became due."""

    fresh: bool
    became_due: bool


class Call(msgspec.Struct, frozen=True):
    """One call of `accept.lua`. `members`: indexes of its acceptances in the argument of `calls`."""

    partition: int
    keys: list[str]
    args: list[Any]
    members: list[int]


def portions(acceptance: Acceptance) -> Iterator[Acceptance]:
    """Yield the acceptance in parts that fit into one script call each, in order; unchanged if it fits."""
    if acceptance.load <= 1:
        yield acceptance
        return
    audience, clamped, living = acceptance.audience, acceptance.clamped, len(acceptance.changes)
    for first, last in _ranges(acceptance):
        changes = acceptance.changes[first:last]
        dead = acceptance.dead[max(0, first - living) : max(0, last - living)]
        # The bounds are part of the key that recognises a repetition: if another version of Ferry divides differently,
        # a repeated message is stored twice rather than in part not at all.
        part = f"{first}-{last}"
        yield replace(acceptance, changes=changes, dead=dead, audience=audience, clamped=clamped, portion=part)
        audience, clamped = b"", 0


def _ranges(acceptance: Acceptance) -> Iterator[tuple[int, int]]:
    """Yield the bounds of the portions, counted over the changes and then the dead."""
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
    """Return the calls that write these acceptances, one per queue. `most`: pending changes a queue may have."""
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


#: Names of a queue: its own, its partition, its keys, and the prefix of the keys that mark messages as seen.
_Names = tuple[str, int, tuple[str, ...], str]
#: Queues whose names are remembered, and the characters of the longest target of one: together about 15 MB.
_REMEMBERED: Final = 10_000
_LONGEST: Final = 64


def _of_queue(queue: Queue) -> _Names:
    # Remembered: building the names takes as long as everything else that an intake does for a message.
    return _remembered(queue) if len(queue.target) <= _LONGEST else _names(queue)


def _names(queue: Queue) -> _Names:
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


_remembered = lru_cache(maxsize=_REMEMBERED)(_names)


def accept(redis: Redis, acceptance: Acceptance, now: int, most: int = bounds.PENDING_IN_QUEUE) -> AcceptResult:
    """Write an acceptance, one portion at a time.

    Raises QueueFull or redis.RedisError; nothing is written after the failed portion. When the message is repeated,
    the portions already written are recognised.
    """
    return together([_accept(redis, portion, now, most) for portion in portions(acceptance)])


def _accept(redis: Redis, portion: Acceptance, now: int, most: int) -> AcceptResult:
    (call,) = calls([portion], now, most)
    (answer,) = outcomes(call, [portion], scripts.run(redis, "accept", call.keys, call.args))
    if isinstance(answer, QueueFull):
        raise answer
    return answer


def together(done: Sequence[AcceptResult]) -> AcceptResult:
    """Combine the results of an acceptance's portions."""
    return AcceptResult(any(each.fresh for each in done), any(each.became_due for each in done))


def outcomes(call: Call, acceptances: Sequence[Acceptance], answer: Sequence[Any]) -> list[AcceptResult | QueueFull]:
    """Return the result of each member of a call from `accept.lua`'s answer. `acceptances`: as given to `calls`."""
    signs: bytes = answer[0]
    return [
        QueueFull(str(acceptances[place].queue)) if sign == _FULL else AcceptResult(sign != _SEEN, sign == _DUE)
        for place, sign in zip(call.members, signs, strict=True)
    ]


def steps(answer: Sequence[Any], now: int) -> tuple[Step, Step]:
    """Return the steps of the queue's partition before and after a call. `now`: ms of the call."""
    signs, number, at = answer
    found = Step(number, at)
    return found, Step(number + 1, now) if b"1" in signs or b"2" in signs else found
