"""The round trips that write acceptances: one to each server that has some of them, all at the same time.

What one node of a cluster refuses, or cannot answer, says nothing of the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from queues import keys, scripts
from queues.acceptance import Acceptance, AcceptResult, Call, calls, outcomes, steps
from queues.clock import now_ms
from queues.errors import Unavailable, Unconfirmed
from queues.names import PARTITIONS, Queue
from queues.server.cluster import at_node_of, by_node, is_spread, node_of
from queues.server.connection import Durability
from queues.server.rollback import StepMemory

#: A key of each partition, written before its server is asked to confirm durability.
_MARKS: Final = tuple(keys.partition(number, "confirming") for number in range(PARTITIONS))


class RoundTrips:
    """Writes acceptances and asks for their durability. `memory`: the steps that the partitions have reached."""

    def __init__(self, redis: Redis, most_in_a_queue: int, durability: Durability) -> None:
        self.memory = StepMemory()
        self._redis = redis
        self._is_spread = is_spread(redis)
        self._most = most_in_a_queue
        self._durability = durability

    def server_of(self, queue: Queue) -> str:
        """Return the name of the server that has a queue, as far as is known; empty unless it is a cluster."""
        return node_of(self._redis, _MARKS[queue.partition]) if self._is_spread else ""

    async def write(self, group: Sequence[Acceptance]) -> tuple[dict[int, AcceptResult | Exception], set[int]]:
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

    async def confirm(self) -> None:
        """Return once everything that this process has written is as durable as configured. Raises Unavailable."""
        try:
            servers = [_MARKS[places[0]] for places in await by_node(self._redis, _MARKS)]
            answers = await asyncio.gather(*(self._pipe([], mark) for mark in servers))
        except Exception as fault:  # whatever it is, nothing is confirmed
            raise Unavailable from fault
        if not all(confirmed for _, confirmed in answers):
            raise Unconfirmed(str(self._durability))

    async def _ask(self, asked: list[Call]) -> list[tuple[Any, bool]]:
        """Return the answer to each call, and whether it is as durable as configured; one round trip for each node."""
        try:
            parts = await by_node(self._redis, [call.keys[0] for call in asked])
        except Exception as fault:  # noqa: BLE001  # no node was ever reached
            return [(fault, False)] * len(asked)
        found: dict[int, tuple[Any, bool]] = {}
        if len(parts) == 1:  # not on a cluster: no task for it
            answers, confirmed = await self._ask_node(asked)
            return [(answer, confirmed) for answer in answers]
        answers = await asyncio.gather(*(self._ask_node([asked[place] for place in part]) for part in parts))
        for part, (answered, confirmed) in zip(parts, answers, strict=True):
            found.update((place, (answer, confirmed)) for place, answer in zip(part, answered, strict=True))
        return [found[place] for place in range(len(asked))]

    async def _ask_node(self, asked: list[Call]) -> tuple[list[Any], bool]:
        """Return the answers of one node, and whether it confirmed them. An exception is the answer to all of them."""
        mark = _MARKS[asked[0].partition]
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
        # A slot may be known to be elsewhere when the pipeline is sent; what went there would be taken for confirmed.
        bound = at_node_of(self._redis, mark) if self._durability.waits else {}
        async with self._redis.pipeline(transaction=False) as pipe:
            for number, call in enumerate(asked):
                # Not pipe.evalsha(): redis-py's cluster pipeline refuses it, whatever the keys.
                how = ("EVAL", scripts.text("accept")) if is_new and not number else ("EVALSHA", scripts.sha("accept"))
                pipe.execute_command(*how, len(call.keys), *call.keys, *call.args, **bound)
            if not self._durability.waits:
                return list(await pipe.execute(raise_on_error=False)), True
            for words in self._durability.commands(mark):
                pipe.execute_command(*words, **bound)
            answers = list(await pipe.execute(raise_on_error=False))
        return answers[: len(asked)], self._durability.confirms(answers[len(asked) :])
