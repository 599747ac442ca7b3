"""Figure: what it costs to see the state of twenty thousand queues."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

import requests
from redis import Redis

from alerts import facts, rules
from bench import rivals
from bench.errors import BenchError
from bench.filling import accept, acceptances, messages
from bench.processes import environment, python, redis_server
from bench.report import Figure, Row, Verdict
from bench.rivals import Rival
from bench.sizes import Sizes
from configuration.alerts import Limits
from queues.census import take_census

#: Seconds of CPU that each may take.
TARGET: Final = 0.3
_ADMIN: Final = "the-token-of-an-administrator-for-a-minute"  # of a server on the loopback address
_HOW: Final = f"""\
One change is pending in each queue. Each figure is the CPU of one reading, the median of several: of a `ferry web`
process for the pages, asked every second so that no request shares the reading of another; of the command for
`ferry status`, less that of `ferry --version`; of this process for the alerts. It is compared with counting every queue
one by one, which the answers of the API and `ferry status --json` still do. The target is {TARGET} s."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure the pages, the command and the alerts. Raises BenchError."""
    with (
        redis_server(folder) as url,
        rivals.ferry(url, folder, processes=1, FERRY_ADMIN_TOKEN=_ADMIN) as ferry,
    ):
        accept(ferry.redis, acceptances(messages(sizes.shown, 1)))
        counting = _own_cpu(lambda: take_census(ferry.redis), sizes)
        found = {
            "`GET /metrics`": _page(ferry, "/metrics", sizes),
            "The first page": _page(ferry, "/", sizes),
            "`ferry status`": _status(url, folder, sizes),
            "Judging the alerts": _own_cpu(lambda: _judge(ferry.redis), sizes),
        }
    return Figure("Many queues", _HOW, [_row(what, cpu, counting, sizes.shown) for what, cpu in found.items()])


def _row(what: str, cpu: float, counting: float, queues: int) -> Row:
    return Row(
        f"CPU of one reading with {queues:,} queues: {what}",
        f"{cpu:.2f} s",
        f"{counting:.2f} s for counting each queue",
        Verdict(f"{cpu / counting:.2f}x", f"<= {TARGET} s", cpu <= TARGET),
    )


def _own_cpu(work: Callable[[], object], sizes: Sizes) -> float:
    def once() -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    return median(once() for _ in range(sizes.rounds))


def _judge(redis: Redis) -> None:
    rules.judged(facts.look(redis), Limits())


def _page(ferry: Rival, path: str, sizes: Sizes) -> float:
    headers = {"Authorization": f"Bearer {_ADMIN}", "Accept": "text/html"}
    url = f"http://127.0.0.1:{ferry.ports[0]}{path}"

    def once() -> float:
        time.sleep(1.1)
        began = ferry.cpu_s()
        answer = requests.get(url, headers=headers, timeout=60)
        if answer.status_code != 200:
            raise BenchError(f"{path} was answered {answer.status_code}")
        return ferry.cpu_s() - began

    once()
    return median(once() for _ in range(sizes.rounds))


def _status(url: str, folder: Path, sizes: Sizes) -> float:
    def once(*words: str) -> float:
        began = os.times()
        command = python("-m", "commands", *words)
        values = environment(REDIS_URL=url, FERRY_VAR=str(folder))
        subprocess.run(command, env=values, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # our own program
        ended = os.times()
        return ended.children_user + ended.children_system - began.children_user - began.children_system

    return median(once("status") - once("--version") for _ in range(sizes.rounds))
