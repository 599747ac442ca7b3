"""`ferry selftest` on an account whose clock goes on when the command waits, so that no test waits itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from click.testing import Result

from commands import selftest
from emulator.world import World
from klaviyo.http import Answer, Transport
from klaviyo.outcomes import Retry
from ops.selftest.trial import Trial
from queues.rate_limits import RedisLimiter
from tests.support.emulated import serving
from tests.support.emulator_api import Api
from tests.support.ops import ferry

#: In place of an answer.
LOST = Retry(None, counts=False, why="network:lost")
#: Seconds that an import takes, and from its end until its people are on the list: one look in vain, and two.
JOB_S, LISTED_S = 0.9, 2.0


class Clock:
    """Seconds since the epoch, by those who wait."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds


@dataclass(frozen=True)
class Account:
    """`ferry selftest` on it, and the account itself."""

    redis_url: str
    var: Path
    api: Api
    clock: Clock

    def selftest(self, *words: str) -> Result:
        """Call the command."""
        return ferry(self.redis_url, self.var, "selftest", "--yes", *words, KLAVIYO_BASE_URL=self.api.url)

    def empty(self, clash: str = "refuse", *, multi_email: bool = False) -> None:
        """Nothing is in it, and it does this with a row that names two people."""
        self.api.control("reset")
        order = {"clash": clash, "multi_email": multi_email, "membership_delay_seconds": LISTED_S}
        self.api.control("identity", order)

    def left(self) -> list[str]:
        """Names of lists and ids of profiles that are still in it, once Klaviyo has carried everything out."""
        self.clock.sleep(JOB_S + LISTED_S)
        lists = [str(item["attributes"]["name"]) for item in self.api.pages("/api/lists")]
        return lists + [str(item["id"]) for item in self.api.pages("/api/profiles")]


@contextmanager
def account(redis_url: str, var: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An empty account without limits; waiting takes no time."""
    clock = Clock()
    monkeypatch.setattr(selftest, "Trial", partial(Trial, sleep=clock.sleep))
    monkeypatch.setattr(RedisLimiter, "acquire", lambda _limiter, _endpoint: 0.0)
    with serving(World(job_seconds=JOB_S, limits_off=True, now=clock)) as url, Api(url) as api:
        found = Account(redis_url, var, api, clock)
        found.empty()
        yield found


def answers(told: Result) -> dict[str, str]:
    """What was answered, by the words of the question: the first word says what the account does."""
    lines = [line.removeprefix("seen").strip() for line in told.stdout.splitlines() if line.startswith("seen ")]
    return dict(line.split(": ", 1) for line in lines)


def verdicts(told: Result) -> list[str]:
    """The last lines: what follows from the answers."""
    return [line for line in told.stdout.splitlines() if line.startswith(("Verdict: ", "Setting "))]


class Nth:
    """Something happens at the n-th request of the command, in place of it or when it is done."""

    def __init__(self, number: int, done: bool, event: BaseException | Answer) -> None:
        self.number, self.done, self.event = number, done, event
        self.count = 0

    def happens(self) -> Answer:
        """What is answered, or raised."""
        if isinstance(self.event, BaseException):
            raise self.event
        return self.event

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Count from now on."""
        send = Transport.send

        def sent(transport: Transport, method: str, path: str, query: str = "", body: bytes | None = None) -> Answer:
            self.count += 1
            if self.count != self.number:
                return send(transport, method, path, query, body)
            if self.done:
                send(transport, method, path, query, body)
            return self.happens()

        monkeypatch.setattr(Transport, "send", sent)
