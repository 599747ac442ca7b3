"""Group commit: acceptances that arrive in one turn of the event loop share one round trip to Redis.

On a cluster those for one node share it, and wait only for each other: a node that hangs delays nothing of the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator, Sequence

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from queues import bounds, keys, metrics
from queues.acceptance import Acceptance, AcceptResult, portions, together
from queues.errors import CannotConfirm, LedgerFull, QueueFull, Unavailable, Unconfirmed
from queues.names import Queue
from queues.round_trips import RoundTrips
from queues.server.connection import LOCAL, Durability
from queues.server.rollback import StepMemory

log = logging.getLogger(__name__)

#: Acceptances in one pipeline; the others wait for the next, so that a burst does not delay all answers.
AT_ONCE = 256
#: Full script calls (acceptance.py) in one pipeline; building it blocks the event loop.
PORTIONS_AT_ONCE = 4

#: An error is a result, because asyncio would log an exception that no one awaits.
_Answer = asyncio.Future[AcceptResult | Exception]
#: Portions of a request that are written together, each with the index of its acceptance.
_Turn = list[tuple[int, Acceptance]]


class _Waiting:
    """A part of a request. `failed`: queues for which a part of the same request was not written, and why."""

    __slots__ = ("acceptance", "answer", "failed")

    def __init__(self, acceptance: Acceptance, answer: _Answer, failed: dict[Queue, Exception]) -> None:
        self.acceptance = acceptance
        self.answer = answer
        self.failed = failed

    def end(self, result: AcceptResult | Exception) -> None:
        """Set the result."""
        if isinstance(result, Exception):
            self.failed[self.acceptance.queue] = result
        if not self.answer.done():  # otherwise the client has disconnected
            self.answer.set_result(result)


class GroupCommit:
    """Writes the acceptances of all requests of one event loop.

    Each caller gets its answer only after its own script returned. A request that arrives during a round trip waits for
    the next one, which carries everything that arrived meanwhile. After a part of a request that was not written, no
    later part of the same queue is written: the sender repeats both, and their order would be reversed. `full`: why
    nothing more is accepted, empty while there is room. `weak`: why Redis cannot confirm durability, empty while it
    can. The intake's background checks set both.
    """

    def __init__(
        self, redis: Redis, most_in_a_queue: int = bounds.PENDING_IN_QUEUE, durability: Durability = LOCAL
    ) -> None:
        self.full = ""
        self.weak = ""
        self._durability = durability
        self._redis = redis
        self._trips = RoundTrips(redis, most_in_a_queue, durability)
        #: By the server that they are for.
        self._waiting: dict[str, list[_Waiting]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        #: What schedulers and /metrics are still to be told.
        self._due = False
        self._arrived: Counter[tuple[str, ...]] = Counter()
        self._telling: asyncio.Task[None] | None = None

    @property
    def memory(self) -> StepMemory:
        """The steps that the partitions have reached."""
        return self._trips.memory

    def check(self) -> None:
        """Raise LedgerFull or CannotConfirm if nothing would be accepted now."""
        if self.full:
            raise LedgerFull(self.full)
        if self.weak:
            raise CannotConfirm(str(self._durability), self.weak)

    async def accept(self, acceptances: Sequence[Acceptance]) -> list[AcceptResult]:
        """Write all parts of one message.

        Raises Unavailable when any part was not written or is not as durable as configured; the CDP then repeats the
        message, and the written parts are recognised.
        """
        self.check()
        if not acceptances:  # the message may have contained account settings
            await self.confirm()
        failed: dict[Queue, Exception] = {}
        done: list[list[AcceptResult]] = [[] for _ in acceptances]
        for turn in _turns(acceptances):
            for (place, _), result in zip(turn, await self._written(turn, failed), strict=True):
                if isinstance(result, AcceptResult):
                    done[place].append(result)
                elif isinstance(result, Unconfirmed):
                    raise result
                elif not isinstance(result, QueueFull | ResponseError):
                    raise Unavailable from result  # Redis is unreachable: nothing more would be written
        _raise(failed)
        return [each[0] if len(each) == 1 else together(each) for each in done]

    async def _written(self, turn: _Turn, failed: dict[Queue, Exception]) -> list[AcceptResult | Exception]:
        loop = asyncio.get_running_loop()
        waiting = [_Waiting(portion, loop.create_future(), failed) for _, portion in turn]
        for each in waiting:
            server = self._trips.server_of(each.acceptance.queue)
            self._waiting.setdefault(server, []).append(each)
            if server not in self._running:
                self._running[server] = loop.create_task(self._run(server))
        return [await each.answer for each in waiting]

    async def confirm(self) -> None:
        """Return once everything that this process has written is as durable as configured. Raises Unavailable."""
        if self._durability.waits:
            self.check()
            await self._trips.confirm()

    async def _run(self, server: str) -> None:
        group: list[_Waiting] = []
        try:
            while waiting := self._waiting.pop(server, []):
                group, later = _split(waiting)
                if later:
                    self._waiting[server] = later
                await self._commit(group)
        except Exception:
            log.exception("a defect in Ferry; the messages are answered 503, and their senders repeat them")
        finally:
            del self._running[server]
            for each in [*group, *self._waiting.pop(server, [])]:
                if not each.answer.done():  # no request may be left without an answer, whatever was raised
                    each.end(Unavailable())

    async def _commit(self, group: list[_Waiting]) -> None:
        sent = [waiting for waiting in group if waiting.acceptance.queue not in waiting.failed]
        results, confirmed = await self._trips.write([waiting.acceptance for waiting in sent])
        for place, waiting in enumerate(sent):
            result = results[place]
            is_weak = isinstance(result, AcceptResult) and place not in confirmed
            waiting.end(Unconfirmed(str(self._durability)) if is_weak else result)
        for waiting in group:
            if not waiting.answer.done():  # it was not sent
                waiting.end(waiting.failed[waiting.acceptance.queue])
        done = {place: result for place, result in results.items() if isinstance(result, AcceptResult)}
        self._due |= any(each.became_due for each in done.values())
        fresh = (sent[place].acceptance for place, each in done.items() if each.fresh)
        self._arrived.update(metrics.on_arrival(fresh))
        if self._telling is None and (self._due or self._arrived or self.memory.doubted):
            self._telling = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        """Wake a scheduler and count, beside the round trips: the nodes that have these keys may hang."""
        try:
            doubted = self.memory.doubted
            while self._due or self._arrived or doubted:
                due, self._due = self._due, False
                arrived, self._arrived = self._arrived, Counter()
                if due:
                    await self._wake()
                await metrics.count_async(self._redis, arrived)
                if doubted:
                    await self.memory.look_async(self._redis)
                doubted = False
        except Exception:
            log.exception("a defect in Ferry; some counts of /metrics are too low, nothing else is missing")
        finally:
            self._telling = None

    async def _wake(self) -> None:
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.lpush(keys.WAKE, 1)
                pipe.ltrim(keys.WAKE, 0, 0)
                await pipe.execute()
        except Exception:  # noqa: BLE001  # redis-py raises more than its own errors
            return  # Not lost: the queue is in the due index, and a scheduler's next tick finds it.


def _raise(failed: dict[Queue, Exception]) -> None:
    """Raise QueueFull or Unavailable if something was not written."""
    for fault in failed.values():
        if isinstance(fault, QueueFull):
            raise fault
        raise Unavailable from fault


def _turns(acceptances: Sequence[Acceptance]) -> Iterator[_Turn]:
    """Yield the portions of a request, as many at a time as one script may carry, so that other requests interleave."""
    turn: _Turn = []
    load = 0.0
    for place, acceptance in enumerate(acceptances):
        for portion in portions(acceptance):
            load += portion.load
            if turn and (load > 1 or len(turn) == AT_ONCE):
                yield turn
                turn, load = [], portion.load
            turn.append((place, portion))
    if turn:
        yield turn


def _split(waiting: list[_Waiting]) -> tuple[list[_Waiting], list[_Waiting]]:
    """Split into the parts for the next round trip and those for later ones.

    A round trip carries one call per queue: if it carried two, the first could fail and the second succeed.
    """
    group: list[_Waiting] = []
    later: list[_Waiting] = []
    loads: dict[Queue, float] = {}
    total = 0.0
    for place, each in enumerate(waiting):
        if len(group) == AT_ONCE or total > PORTIONS_AT_ONCE:
            return group, later + waiting[place:]
        queue, load = each.acceptance.queue, each.acceptance.load
        is_first = queue not in loads
        loads[queue] = loads.get(queue, 0) + load
        total += load
        (group if is_first or loads[queue] <= 1 else later).append(each)
    return group, later
