"""Group commit: acceptances that arrive in one turn of the event loop share one round trip to Redis.

On a cluster each node gets a round trip of its own, at the same time: what one node refuses, or cannot answer, says
nothing of the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, ResponseError

from queues import bounds, keys, metrics, scripts
from queues.acceptance import Acceptance, AcceptResult, Call, calls, outcomes, portions, steps, together
from queues.clock import now_ms
from queues.errors import CannotConfirm, LedgerFull, QueueFull, Unavailable, Unconfirmed
from queues.names import PARTITIONS, Queue
from queues.server.cluster import at_node_of, by_node
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
    can. The intake's background checks set both. `memory`: the steps that the partitions have reached.
    """

    def __init__(
        self, redis: Redis, most_in_a_queue: int = bounds.PENDING_IN_QUEUE, durability: Durability = LOCAL
    ) -> None:
        self.full = ""
        self.weak = ""
        self.memory = StepMemory()
        self._durability = durability
        self._redis = redis
        self._most = most_in_a_queue
        self._waiting: list[_Waiting] = []
        self._running: asyncio.Task[None] | None = None

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
        self._waiting += waiting
        if self._running is None and waiting:
            self._running = loop.create_task(self._run())
        return [await each.answer for each in waiting]

    async def confirm(self) -> None:
        """Return once everything that this process has written is as durable as configured. Raises Unavailable."""
        if not self._durability.waits:
            return
        self.check()
        marks = [keys.partition(number, "confirming") for number in range(PARTITIONS)]
        try:
            servers = [marks[places[0]] for places in await by_node(self._redis, marks)]
            answers = await asyncio.gather(*(self._pipe([], mark) for mark in servers))
        except Exception as fault:  # whatever it is, nothing is confirmed
            raise Unavailable from fault
        if not all(confirmed for _, confirmed in answers):
            raise Unconfirmed(str(self._durability))

    async def _run(self) -> None:
        group: list[_Waiting] = []
        try:
            while self._waiting:
                group, self._waiting = _split(self._waiting)
                await self._commit(group)
        except Exception:
            log.exception("a defect in Ferry; the messages are answered 503, and their senders repeat them")
        finally:
            self._running = None
            left, self._waiting = [*group, *self._waiting], []
            for each in left:  # no request may be left without an answer, whatever was raised
                if not each.answer.done():
                    each.end(Unavailable())

    async def _commit(self, group: list[_Waiting]) -> None:
        sent = [waiting for waiting in group if waiting.acceptance.queue not in waiting.failed]
        results, confirmed = await self._round_trips([waiting.acceptance for waiting in sent])
        for place, waiting in enumerate(sent):
            result = results[place]
            is_weak = isinstance(result, AcceptResult) and place not in confirmed
            waiting.end(Unconfirmed(str(self._durability)) if is_weak else result)
        for waiting in group:
            if not waiting.answer.done():  # it was not sent
                waiting.end(waiting.failed[waiting.acceptance.queue])
        done = {place: result for place, result in results.items() if isinstance(result, AcceptResult)}
        if any(each.became_due for each in done.values()):
            await self._wake()
        fresh = (sent[place].acceptance for place, each in done.items() if each.fresh)
        await metrics.count_async(self._redis, metrics.on_arrival(fresh))
        if self.memory.doubted:
            await self.memory.look_async(self._redis)

    async def _round_trips(self, group: list[Acceptance]) -> tuple[dict[int, AcceptResult | Exception], set[int]]:
        """Return the result of each by its place, and the places of those that are as durable as configured."""
        now, before = now_ms(), self.memory.highest()
        asked = calls(group, now, self._most)
        results: dict[int, AcceptResult | Exception] = {}
        durable: set[int] = set()
        for call, (answer, confirmed) in zip(asked, await self._ask(asked), strict=True):
            failed = isinstance(answer, Exception)
            found = [answer] * len(call.members) if failed else outcomes(call, group, answer)
            results.update(zip(call.members, found, strict=True))
            if not failed:
                self.memory.met(call.partition, *steps(answer, now), before)
            if confirmed:
                durable.update(call.members)
        return results, durable

    async def _ask(self, asked: list[Call]) -> list[tuple[Any, bool]]:
        """Return the answer to each call, and whether it is as durable as configured; one round trip for each node."""
        try:
            parts = await by_node(self._redis, [call.keys[0] for call in asked])
        except Exception as fault:  # noqa: BLE001  # no node was ever reached
            return [(fault, False)] * len(asked)
        found: dict[int, tuple[Any, bool]] = {}
        answers = await asyncio.gather(*(self._ask_node([asked[place] for place in part]) for part in parts))
        for part, (answered, confirmed) in zip(parts, answers, strict=True):
            found.update((place, (answer, confirmed)) for place, answer in zip(part, answered, strict=True))
        return [found[place] for place in range(len(asked))]

    async def _ask_node(self, asked: list[Call]) -> tuple[list[Any], bool]:
        """Return the answers of one node, and whether it confirmed them. An exception is the answer to all of them."""
        mark = keys.partition(asked[0].partition, "confirming")
        try:
            answers, confirmed = await self._pipe(asked, mark)
            missed = [i for i, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
            if missed:  # a new, restarted or promoted server: the first call also stores the script
                repeated, also = await self._pipe([asked[i] for i in missed], mark, is_new=True)
                confirmed = confirmed and also
                for i, answer in zip(missed, repeated, strict=True):
                    answers[i] = answer
        except Exception as fault:  # noqa: BLE001  # redis-py raises more than its own errors
            return [fault] * len(asked), False
        return answers, confirmed

    async def _pipe(self, asked: list[Call], mark: str, *, is_new: bool = False) -> tuple[list[Any], bool]:
        """Return the answer to each call, and whether Redis confirmed durability in the same round trip.

        `mark`: a key of the same server. `is_new`: the server does not have the script.
        """
        async with self._redis.pipeline(transaction=False) as pipe:
            for number, call in enumerate(asked):
                # Not pipe.evalsha(): redis-py's cluster pipeline refuses it, whatever the keys.
                how = ("EVAL", scripts.text("accept")) if is_new and not number else ("EVALSHA", scripts.sha("accept"))
                pipe.execute_command(*how, len(call.keys), *call.keys, *call.args)
            if not self._durability.waits:
                return list(await pipe.execute(raise_on_error=False)), True
            for words in self._durability.commands(mark):
                pipe.execute_command(*words, **at_node_of(self._redis, mark))
            answers = list(await pipe.execute(raise_on_error=False))
        return answers[: len(asked)], self._durability.confirms(answers[len(asked) :])

    async def _wake(self) -> None:
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.lpush(keys.WAKE, 1)
                pipe.ltrim(keys.WAKE, 0, 0)
                await pipe.execute()
        except Exception:  # noqa: BLE001  # as above
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
