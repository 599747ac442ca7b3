"""The load generator, in a separate process: `python -m bench.load` reads a Load on stdin and writes a Result.

Requests are encoded beforehand; a connection sends the next one when the last is answered. This is so little work that
one core sends more than any measured server can take; the report says how much more.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import deque
from functools import partial
from itertools import cycle
from typing import Final

import msgspec
import uvloop

from bench.line import Line

#: Seconds to wait for missing answers when the time is over.
_LAST_ANSWERS: Final = 30.0
#: Seconds between two checks for answers; uvloop's timers are not finer.
_LOOK: Final = 0.001


class Load(msgspec.Struct, frozen=True):
    """The load: one of `requests` on each connection, sent repeatedly with its MARKs overwritten. `ports` take turns.

    `rate` 0: closed loop, as fast as the answers arrive. Otherwise open loop: that many requests a second at random
    times that do not depend on the answers. `seconds` are counted, after `warm_up` seconds that are not.
    """

    ports: list[int]
    requests: list[bytes]
    seconds: float
    warm_up: float
    rate: float = 0.0


class Result(msgspec.Struct, frozen=True):
    """The result of a load. `per_second` and the latencies (ms) cover the counted time.

    `sent`: all requests, each answered 200 or 202. `cpu`: cores that the generator used.
    """

    per_second: float
    p50: float
    p99: float
    sent: int
    cpu: float


class Generator:
    """One run of a load."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._idle: deque[Line] = deque()
        self._owed: deque[float] = deque()
        self._latencies: list[float] = []
        # Larger than the numbers of every earlier run on this machine, so that no message is sent twice.
        self._next = time.time_ns() // 1000 % 10**12
        self._sent = 0

    async def run(self) -> Result:
        """Send the load. Raises ConnectionError for an answer other than 200 and 202, or a closed connection."""
        loop = asyncio.get_running_loop()
        self._failed: asyncio.Future[None] = loop.create_future()
        for request, port in zip(self._load.requests, cycle(self._load.ports)):
            line = Line(request, self._answered, self._fail)
            await loop.create_connection(partial(_itself, line), "127.0.0.1", port)
            self._idle.append(line)
        self._begin = time.monotonic() + self._load.warm_up
        self._end = self._begin + self._load.seconds
        wall, cpu = time.perf_counter(), time.process_time()
        sending = asyncio.ensure_future(self._arrive() if self._load.rate else self._fill())
        await asyncio.wait({sending, self._failed}, return_when=asyncio.FIRST_COMPLETED)
        for task in (self._failed, sending):
            if task.done():
                task.result()
        return self._result((time.process_time() - cpu) / (time.perf_counter() - wall))

    async def _fill(self) -> None:
        now = time.monotonic()
        while self._idle:
            self._send(self._idle.popleft(), now)
        await asyncio.sleep(self._end - now)
        await self._settle()

    async def _arrive(self) -> None:
        chance = random.Random(1)  # noqa: S311  # times of arrival, no secret
        at = time.monotonic()
        while at < self._end:
            while at > time.monotonic():
                await asyncio.sleep(_LOOK)
            if self._idle:
                self._send(self._idle.popleft(), at)
            else:
                self._owed.append(at)
            at += chance.expovariate(self._load.rate)
        await self._settle()

    async def _settle(self) -> None:
        until = time.monotonic() + _LAST_ANSWERS
        while len(self._idle) < len(self._load.requests):
            if time.monotonic() > until:
                raise ConnectionError(f"some requests had no answer after {_LAST_ANSWERS:g} s; see the server's log")
            await asyncio.sleep(_LOOK)

    def _send(self, line: Line, since: float) -> None:
        self._next += 1
        self._sent += 1
        line.send(self._next, since)

    def _answered(self, line: Line, now: float) -> None:
        # The first answer counts even if it is late, so that the figure shows an overloaded machine.
        if self._begin <= now < self._end or (now >= self._end and not self._latencies):
            self._latencies.append(now - line.since)
        if self._owed:
            self._send(line, self._owed.popleft())
        elif self._load.rate or now >= self._end:
            self._idle.append(line)
        else:
            self._send(line, now)

    def _fail(self, reason: str) -> None:
        if not self._failed.done():
            self._failed.set_exception(ConnectionError(reason))

    def _result(self, cpu: float) -> Result:
        ordered = sorted(self._latencies)
        if not ordered:
            raise ConnectionError("no request was answered after the warm-up; see the server's log")
        p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000 for part in (0.5, 0.99))
        return Result(len(ordered) / self._load.seconds, p50, p99, self._sent, cpu)


def _itself(line: Line) -> Line:
    return line


def main() -> None:
    """Read a load, run it and write the result."""
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    result = uvloop.run(Generator(load).run())
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
