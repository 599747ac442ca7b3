"""Where the time of a flush goes: the steps from the answer to the hundredth change until the upload."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Final, NamedTuple

from redis import Redis
from redis.exceptions import RedisError

from bench.errors import BenchError
from queues import doorbell, scripts

#: The end of each step, in order. The last three are requests at the emulator.
STEPS: Final = (
    "a scheduler has taken the batch",
    "RQ has the job",
    "a worker has fetched the job",
    "its delivery, a new process, has claimed the batch",
    "the first look-up is at Klaviyo",
    "the last look-up is at Klaviyo",
    "the upload is at Klaviyo",
)
#: Seconds that the last commands may take to be reported.
_PATIENCE_S: Final = 5.0


class Command(NamedTuple):
    """A command that Redis carried out. `at`: monotonic seconds."""

    at: float
    text: str


class Flushed(NamedTuple):
    """When the first of a hundred changes was sent, the last one answered, and the last upload there (monotonic s)."""

    began: float
    accepted: float
    uploaded: float

    @property
    def ms(self) -> float:
        """The ms from the last answer to the last upload."""
        return (self.uploaded - self.accepted) * 1000


class Watch(threading.Thread):
    """Collects the commands of a Redis as its MONITOR reports them."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(daemon=True)
        self._redis = redis
        self._began = threading.Event()
        self._clocks = time.time() - time.monotonic()
        self.seen: list[Command] = []

    def run(self) -> None:
        """Collect until the server ends."""
        with suppress(RedisError, OSError, ValueError), self._redis.monitor() as monitor:  # type: ignore[no-untyped-call]
            self._began.set()
            for found in monitor.listen():
                self.seen.append(Command(float(found["time"]) - self._clocks, str(found["command"])))

    def begin(self) -> None:
        """Start, and return when the server reports its commands."""
        self.start()
        if not self._began.wait(_PATIENCE_S):
            raise BenchError(f"Redis did not begin to report its commands within {_PATIENCE_S:g} s")


def steps_ms(watch: Watch, flush: Flushed, lookups: Sequence[float]) -> list[float]:
    """Return the ms of each step. `lookups`: when they arrived. Raises BenchError when a step was not seen."""
    ends = [*_ends(watch.seen, flush.began), min(lookups), max(lookups), flush.uploaded]
    return [(after - before) * 1000 for before, after in pairwise([flush.accepted, *ends])]


def _ends(seen: Sequence[Command], began: float) -> Iterator[float]:
    """Yield when the steps in Redis ended, each the first command of its kind after the one before."""
    commands = iter([command for command in seen if command.at >= began])
    for step, ends in zip(STEPS, _IN_REDIS, strict=False):
        end = next((command.at for command in commands if ends(command.text)), None)
        if end is None:
            raise BenchError(f"Redis reported no command that shows that {step}")
        yield end


def _calls(script: str) -> Callable[[str], bool]:
    beginning = f"EVALSHA {scripts.sha(script)} "
    return lambda text: text.startswith(beginning)


_IN_REDIS: Final[tuple[Callable[[str], bool], ...]] = (
    _calls("take"),
    lambda text: text.startswith("RPUSH ") and f":queue:{doorbell.NAME} " in text,
    lambda text: text.startswith("HGETALL ") and ":job:" in text,
    _calls("reclaim"),
)
