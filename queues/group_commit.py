"""Group commit: acceptances that arrive in one turn of the event loop share one round trip to Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from queues import bounds, keys, metrics, scripts
from queues.acceptance import Acceptance, Accepted, Call, calls, outcomes
from queues.clock import now_ms
from queues.errors import LedgerFull, QueueFull, Unavailable
from queues.names import Queue

#: Acceptances in one pipeline; more wait for the next, so that one huge burst does not hold up all answers.
AT_ONCE = 256
#: Changes of one queue among them, unless one message has more: a script holds up everybody else's (5 us a change).
CHANGES_AT_ONCE = 1_000

#: A fault is a result, for an exception that nobody awaits any more would be logged as forgotten.
_Answer = asyncio.Future[Accepted | Exception]


class _Waiting:
    """A part of a request. `failed`: the queues of which a part of the same request was not written, and why."""

    __slots__ = ("acceptance", "answer", "failed")

    def __init__(self, acceptance: Acceptance, answer: _Answer, failed: dict[Queue, Exception]) -> None:
        self.acceptance = acceptance
        self.answer = answer
        self.failed = failed

    def end(self, result: Accepted | Exception) -> None:
        """Tell who waits for it."""
        if isinstance(result, Exception):
            self.failed[self.acceptance.queue] = result
        if not self.answer.done():  # else the client went away
            self.answer.set_result(result)


class GroupCommit:
    """Accepts for all requests of one event loop.

    Each caller gets its answer only after its own script returned. A request that comes while a round trip is under
    way waits for the next one, which then carries everything that came meanwhile. Of one request and queue nothing is
    written behind a part that was not: the sender repeats both, and their order would turn round. `full`: why nothing
    more is taken, empty while there is room; whoever looks at the room now and then sets it.
    """

    def __init__(self, redis: Redis, most_in_a_queue: int = bounds.PENDING_IN_QUEUE) -> None:
        self.full = ""
        self._redis = redis
        self._most = most_in_a_queue
        self._waiting: list[_Waiting] = []
        self._running: asyncio.Task[None] | None = None

    async def accept(self, acceptances: Sequence[Acceptance]) -> list[Accepted]:
        """Write all parts of one message down.

        Raises Unavailable when any part was not written; the CDP then repeats the message, and the parts that were
        written are recognised.
        """
        if self.full:
            raise LedgerFull(self.full)
        loop = asyncio.get_running_loop()
        answers: list[_Answer] = []
        failed: dict[Queue, Exception] = {}
        for acceptance in acceptances:
            answer: _Answer = loop.create_future()
            self._waiting.append(_Waiting(acceptance, answer, failed))
            answers.append(answer)
        if self._running is None and answers:
            self._running = loop.create_task(self._run())
        results = [await answer for answer in answers]
        done = [result for result in results if isinstance(result, Accepted)]
        if len(done) < len(results):
            fault = next(r for r in results if isinstance(r, Exception))
            if isinstance(fault, QueueFull):
                raise fault
            raise Unavailable from fault
        return done

    async def _run(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = _split(self._waiting)
                await self._commit(group)
        finally:
            self._running = None

    async def _commit(self, group: list[_Waiting]) -> None:
        sent = [waiting for waiting in group if waiting.acceptance.queue not in waiting.failed]
        try:
            results = await self._round_trips([waiting.acceptance for waiting in sent])
        except (RedisError, OSError) as fault:
            results = dict.fromkeys(range(len(sent)), fault)
        for place, waiting in enumerate(sent):
            waiting.end(results[place])
        for waiting in group:
            if not waiting.answer.done():  # it was not sent
                waiting.end(waiting.failed[waiting.acceptance.queue])
        done = {place: result for place, result in results.items() if isinstance(result, Accepted)}
        if any(each.became_due for each in done.values()):
            await self._wake()
        fresh = (sent[place].acceptance for place, each in done.items() if each.fresh)
        await metrics.count_async(self._redis, metrics.on_arrival(fresh))

    async def _round_trips(self, group: list[Acceptance]) -> dict[int, Accepted | Exception]:
        asked = calls(group, now_ms(), self._most)
        answers = await self._evalsha(asked)
        missed = [i for i, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if missed:
            await self._redis.script_load(scripts.text("accept"))
            for i, answer in zip(missed, await self._evalsha([asked[i] for i in missed]), strict=True):
                answers[i] = answer
        results: dict[int, Accepted | Exception] = {}
        for call, answer in zip(asked, answers, strict=True):
            failed = isinstance(answer, Exception)
            found = [answer] * len(call.members) if failed else outcomes(call, group, answer)
            results.update(zip(call.members, found, strict=True))
        return results

    async def _evalsha(self, asked: list[Call]) -> list[Any]:
        sha = scripts.sha("accept")
        async with self._redis.pipeline(transaction=False) as pipe:
            for call in asked:
                # Not pipe.evalsha(), which redis-py's pipeline for a cluster refuses, whatever the keys.
                pipe.execute_command("EVALSHA", sha, len(call.keys), *call.keys, *call.args)
            return list(await pipe.execute(raise_on_error=False))

    async def _wake(self) -> None:
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.lpush(keys.WAKE, 1)
                pipe.ltrim(keys.WAKE, 0, 0)
                await pipe.execute()
        except (RedisError, OSError):
            return  # Not lost: the queue is in the due index, and a scheduler's next tick finds it.


def _split(waiting: list[_Waiting]) -> tuple[list[_Waiting], list[_Waiting]]:
    """What the next round trip carries, and what waits for a later one.

    Of a queue it carries what one call does: of two in one pipeline the first may fail and the second be carried out.
    """
    group: list[_Waiting] = []
    later: list[_Waiting] = []
    changes: dict[Queue, int] = {}
    for place, each in enumerate(waiting):
        if len(group) == AT_ONCE:
            return group, later + waiting[place:]
        queue = each.acceptance.queue
        is_first = queue not in changes
        changes[queue] = changes.get(queue, 0) + len(each.acceptance.changes)
        fits = is_first or changes[queue] <= CHANGES_AT_ONCE
        (group if fits else later).append(each)
    return group, later
