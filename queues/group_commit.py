"""Group commit: acceptances that arrive in one turn of the event loop share one round trip to Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from queues import bounds, keys, scripts
from queues.acceptance import Acceptance, Accepted, Call, calls, outcomes
from queues.clock import now_ms
from queues.errors import LedgerFull, QueueFull, Unavailable

#: Acceptances in one pipeline; more wait for the next, so that one huge burst does not hold up all answers.
AT_ONCE = 256


#: A fault is a result, for an exception that nobody awaits any more would be logged as forgotten.
_Answer = asyncio.Future[Accepted | Exception]


class _Waiting:
    __slots__ = ("acceptance", "answer")

    def __init__(self, acceptance: Acceptance, answer: _Answer) -> None:
        self.acceptance = acceptance
        self.answer = answer


class GroupCommit:
    """Accepts for all requests of one event loop.

    Each caller gets its answer only after its own script returned. A request that comes while a round trip is under
    way waits for the next one, which then carries everything that came meanwhile. `full`: why nothing more is taken,
    empty while there is room; whoever looks at the room now and then sets it.
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
        for acceptance in acceptances:
            answer: _Answer = loop.create_future()
            self._waiting.append(_Waiting(acceptance, answer))
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
                group, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                await self._commit(group)
        finally:
            self._running = None

    async def _commit(self, group: list[_Waiting]) -> None:
        try:
            results = await self._round_trips([waiting.acceptance for waiting in group])
        except (RedisError, OSError) as fault:
            results = dict.fromkeys(range(len(group)), fault)
        became_due = False
        for place, waiting in enumerate(group):
            if waiting.answer.done():  # the client went away
                continue
            result = results[place]
            became_due = became_due or (isinstance(result, Accepted) and result.became_due)
            waiting.answer.set_result(result)
        if became_due:
            await self._wake()

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
