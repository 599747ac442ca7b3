"""Figure: what it costs to see the state of twenty thousand queues."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
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
#: kB of HTML that the first page may have.
HTML_KB: Final = 80
_ADMIN: Final = "the-token-of-an-administrator-for-a-minute"  # of a server on the loopback address
_HOW: Final = f"""\
One change is pending in each queue. Each figure is the CPU of one reading, the median of several: of a `ferry web`
process for the pages, asked every second so that no request shares the reading of another; of this process for the
alerts. It is compared with counting every queue one by one. The target is {TARGET} s. `ferry status` is a process of
its own, most of whose CPU is its start, and is compared with one that finds no queues. The HTML is the whole first
page, not compressed."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure the pages, the command and the alerts. Raises BenchError."""
    with (
        redis_server(folder) as url,
        rivals.ferry(url, folder, processes=1, FERRY_ADMIN_TOKEN=_ADMIN) as ferry,
    ):
        accept(ferry.redis, acceptances(messages(sizes.shown, 1)))
        counting = _own_cpu(lambda: take_census(ferry.redis), sizes)
        first, kb = _page(ferry, "/", sizes)
        metrics, _ = _page(ferry, "/metrics", sizes)
        found = {
            "the first page": first,
            "`/metrics`": metrics,
            "judging the alerts": _own_cpu(lambda: _judge(ferry.redis), sizes),
        }
        status = _status(url, folder, sizes)
    html = Row(f"HTML of the first page with {sizes.shown:,} queues", f"{kb:.0f} kB", "", _at_most(kb, HTML_KB, "kB"))
    rows = [_row(what, cpu, counting, sizes.shown) for what, cpu in found.items()]
    return Figure("Many queues", _HOW, [*rows, status, html])


def _row(what: str, cpu: float, counting: float, queues: int) -> Row:
    return Row(
        f"CPU of one reading with {queues:,} queues: {what}",
        f"{cpu:.2f} s",
        f"{counting:.2f} s for counting each queue",
        replace(_at_most(cpu, TARGET, "s"), ratio=f"{cpu / counting:.2f}x"),
    )


def _at_most(figure: float, most: float, unit: str) -> Verdict:
    return Verdict("", f"<= {most:g} {unit}", figure <= most)


def _own_cpu(work: Callable[[], object], sizes: Sizes) -> float:
    def once() -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    return median(once() for _ in range(sizes.rounds))


def _judge(redis: Redis) -> None:
    rules.judged(facts.look(redis), Limits())


def _page(ferry: Rival, path: str, sizes: Sizes) -> tuple[float, float]:
    """Return the CPU seconds of an answer, and its kB."""
    headers = {"Authorization": f"Bearer {_ADMIN}", "Accept": "text/html"}
    url = f"http://127.0.0.1:{ferry.ports[0]}{path}"

    def once() -> tuple[float, float]:
        time.sleep(1.1)
        began = ferry.cpu_s()
        answer = requests.get(url, headers=headers, timeout=60)
        if answer.status_code != 200:
            raise BenchError(f"{path} was answered {answer.status_code}")
        return ferry.cpu_s() - began, len(answer.content) / 1000

    once()
    found = [once() for _ in range(sizes.rounds)]
    return median(cpu for cpu, _ in found), median(kb for _, kb in found)


def _status(url: str, folder: Path, sizes: Sizes) -> Row:
    def once(prefix: str = "") -> float:
        began = os.times()
        values = environment(REDIS_URL=url, FERRY_VAR=str(folder), FERRY_PREFIX=prefix)
        command = python("-m", "commands", "status")
        subprocess.run(command, env=values, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # our own program
        ended = os.times()
        return ended.children_user + ended.children_system - began.children_user - began.children_system

    found = [(once(), once("empty:")) for _ in range(sizes.rounds)]
    full, empty = median(cpu for cpu, _ in found), median(cpu for _, cpu in found)
    return Row(
        f"CPU of `ferry status` with {sizes.shown:,} queues",
        f"{full:.2f} s",
        f"{empty:.2f} s with none",
        Verdict(f"{full / empty:.2f}x", f"<= {TARGET} s more", full - empty <= TARGET),
    )
