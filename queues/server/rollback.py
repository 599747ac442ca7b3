"""Detects that the ledger went back in time: an old backup was restored, or a failover lost writes.

Each partition counts its steps: acceptances, batches taken, batches settled. A process that keeps running while Redis
is replaced remembers the highest number it saw; a lower number later means that the steps between are missing. A
process that starts afterwards cannot detect this.

The epoch of a partition is a random value that is written once. If it is missing, the ledger was emptied; on a cluster,
the part of it that one node had.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import OutOfMemoryError, RedisError

from queues import keys, scripts
from queues.clock import now_ms
from queues.names import PARTITIONS
from queues.server.cluster import is_spread
from text.wording import moment

log = logging.getLogger(__name__)
#: Partition -> its epoch; None if it has none.
Epochs = dict[int, bytes | None]
REMEDY: Final = (
    "Find out what replaced the data of Redis (a restored backup, a failover). Let the CDP send again what it sent "
    "since then, then run `ferry doctor --acknowledge`."
)
#: ms for which the record of an emptied ledger is kept (7 days).
KNOWN_MS = 7 * 86_400_000


class Step(NamedTuple):
    """The position of a partition. `number`: of steps so far. `at`: ms of the last step, 0 before the first."""

    number: int = 0
    at: int = 0


_NONE: Final = Step()


@dataclass(frozen=True, slots=True)
class Rollback:
    """A loss of data. `noticed`: ms. `as_of`: ms of the last existing step, 0 if unknown.

    `until`: ms of the last step known to be missing. `missing`: minimum number of missing steps; 0 for a ledger that
    was emptied (`EpochWatch`).
    """

    noticed: int
    as_of: int
    until: int
    missing: int

    def __str__(self) -> str:
        if not self.missing:
            return f"the ledger was emptied, noticed at {moment(self.noticed)}"
        state = f"is in its state of {moment(self.as_of)}" if self.as_of else "is in an older state"
        return (
            f"the ledger went back in time: it {state}. Everything accepted or delivered between then and "
            f"{moment(self.until)} is missing; noticed at {moment(self.noticed)}"
        )


class StepMemory:
    """One process's memory of the partitions' steps. `doubted`: an acceptance met a lower number; call `look` now."""

    def __init__(self) -> None:
        self._epochs: Epochs = {}
        self._highest: dict[int, Step] = {}
        self._lower: dict[int, Step] = {}

    @property
    def doubted(self) -> bool:
        """Whether an acceptance met a lower number since the last call of `look`."""
        return bool(self._lower)

    def highest(self) -> Mapping[int, Step]:
        """Return the highest steps so far. Call it before a request: answers to others may arrive before its own."""
        return dict(self._highest)

    def met(self, partition: int, found: Step, left: Step, before: Mapping[int, Step]) -> None:
        """Record a partition's steps before and after an acceptance. `before`: `highest()` before it was sent.

        The first lower step is kept: its time is the one that the ledger went back to, and the next step overwrites it.
        """
        if found.number >= self._highest.get(partition, _NONE).number:
            self._highest[partition] = left
        elif found.number < before.get(partition, _NONE).number:
            self._lower.setdefault(partition, found)

    def look(self, redis: Redis) -> Rollback | None:
        """Check all partitions; if they went back, record and log it, and return it. Raises redis.RedisError."""
        before = self.highest()
        with redis.pipeline(transaction=False) as pipe:
            _ask(pipe)
            epochs, found = _steps(pipe.execute())
        fall = self._fall(epochs, found, before, is_spread(redis))
        if fall is not None:
            scripts.run(redis, "fell", [keys.ROLLED_BACK], _noted(fall))
        self._adopt(epochs, found, fall)
        return fall

    async def look_async(self, redis: AsyncRedis) -> None:
        """Check all partitions for the intake, which goes on when Redis does not answer: the next call detects it."""
        before = self.highest()
        try:
            async with redis.pipeline(transaction=False) as pipe:
                _ask(pipe)
                epochs, found = _steps(await pipe.execute())
            fall = self._fall(epochs, found, before, is_spread(redis))
            if fall is not None:
                await redis.eval(scripts.text("fell"), 1, keys.ROLLED_BACK, *_noted(fall))
        except (RedisError, OSError):
            return
        self._adopt(epochs, found, fall)

    def _fall(
        self, epochs: Epochs, found: Mapping[int, Step], before: Mapping[int, Step], spread: bool
    ) -> Rollback | None:
        # Others: the first call, or the partition was emptied or had no scheduler: see EpochWatch.
        same = [partition for partition, epoch in epochs.items() if epoch and epoch == self._epochs.get(partition)]
        known = {partition: before.get(partition, _NONE) for partition in same}
        lower = {
            partition: self._lower.get(partition, found[partition])
            for partition in same
            if partition in self._lower or found[partition].number < known[partition].number
        }
        if not lower:
            return None
        # One server has one history, so it ends at the latest existing step of any partition; on a cluster, of those
        # that went back. Steps taken since the rollback have later times than this process remembers.
        there = [lower.get(partition, found[partition]).at for partition in (lower if spread else same)]
        until = max(known[partition].at for partition in lower)
        return Rollback(
            noticed=now_ms(),
            as_of=max((at for at in there if at <= until), default=0),
            until=until,
            missing=max(1, sum(known[partition].number - step.number for partition, step in lower.items())),
        )

    def _adopt(self, epochs: Epochs, found: Mapping[int, Step], fall: Rollback | None) -> None:
        if fall is not None:
            log.error("%s. The alert stays until it is acknowledged. %s", fall, REMEDY)
        for partition, step in found.items():
            # Without an epoch, nobody can tell whether it went back; a doubt that stays would be looked into for ever.
            if fall is not None or not epochs[partition] or epochs[partition] != self._epochs.get(partition):
                self._highest[partition] = step
                self._lower.pop(partition, None)
            self._raise(partition, step)
        self._epochs = epochs

    def _raise(self, partition: int, step: Step) -> None:
        if step.number >= self._highest.get(partition, _NONE).number:
            self._highest[partition] = step


def _ask(pipe: Any) -> None:
    for part in ("epoch", "steps"):
        for number in range(PARTITIONS):
            pipe.get(keys.partition(number, part))


def _steps(answers: list[Any]) -> tuple[Epochs, dict[int, Step]]:
    steps = enumerate(answers[PARTITIONS:])
    found = {number: Step(*map(int, step.split())) if step else _NONE for number, step in steps}
    return dict(enumerate(answers[:PARTITIONS])), found


def _noted(fall: Rollback) -> list[Any]:
    return [fall.noticed, fall.as_of, fall.until, fall.missing]


def queue_up(pipe: Any) -> None:
    """Put two commands into a pipeline, whose answers `read` takes."""
    pipe.hgetall(keys.ROLLED_BACK)
    pipe.get(keys.EMPTIED)


def read(noted: Mapping[bytes, bytes], emptied: bytes | None) -> Rollback | None:
    """Return the unacknowledged loss, None if there is none. Arguments: the answers to `queue_up`."""
    if noted:
        return Rollback(*(int(noted[name]) for name in (b"noticed", b"as_of", b"until", b"missing")))
    return None if emptied is None else Rollback(int(emptied), 0, int(emptied), 0)


def unacknowledged(redis: Redis) -> Rollback | None:
    """Return the unacknowledged loss of data, None if there is none. Raises redis.RedisError."""
    with redis.pipeline(transaction=False) as pipe:
        queue_up(pipe)
        return read(*cast("tuple[dict[bytes, bytes], bytes | None]", pipe.execute()))


def acknowledge(redis: Redis) -> Rollback | None:
    """Acknowledge the loss of data; return it, None if there is none. Raises redis.RedisError."""
    fall = unacknowledged(redis)
    for key in (keys.ROLLED_BACK, keys.EMPTIED):
        redis.delete(key)
    return fall


class EpochWatch:
    """One process's memory of the partitions' epochs, from its first check on."""

    def __init__(self) -> None:
        self._epochs: Epochs = {}

    def emptied(self, redis: Redis, now: int) -> bool:
        """Return whether a partition was emptied since the last call; if so, record it and a new epoch. `now`: ms.

        A process that was not running then cannot detect it and sees a new ledger.
        """
        found = _epochs(redis)
        # Usually only read: a full Redis refuses SET, and must still be drained.
        if missing := [number for number, epoch in found.items() if epoch is None]:
            with suppress(OutOfMemoryError):  # repeated when there is room
                _begin(redis, missing)
            found = _epochs(redis)
        before, self._epochs = self._epochs, found
        if not any(epoch and epoch != found[number] for number, epoch in before.items()):
            return False
        with suppress(OutOfMemoryError):
            redis.set(keys.EMPTIED, now, px=KNOWN_MS)
        return True


def _epochs(redis: Redis) -> Epochs:
    with redis.pipeline(transaction=False) as pipe:
        for number in range(PARTITIONS):
            pipe.get(keys.partition(number, "epoch"))
        return dict(enumerate(cast("list[bytes | None]", pipe.execute())))


def _begin(redis: Redis, missing: list[int]) -> None:
    with redis.pipeline(transaction=False) as pipe:
        for number in missing:  # Another scheduler may have been faster.
            pipe.set(keys.partition(number, "epoch"), uuid.uuid4().hex, nx=True)
        pipe.execute()
