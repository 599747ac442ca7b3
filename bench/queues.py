"""Figure: what it costs to see the state of very many queues."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
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
from bench.processes import environment, python, redis_server, run_to_end
from bench.report import Figure, Row, Verdict
from bench.rivals import Rival
from bench.sizes import Sizes
from configuration.alerts import Limits
from queues.census import take_census

#: Seconds of CPU that each reading may take, with the fewer queues and with the more.
TARGETS: Final = (0.3, 1.0)
#: A reading of so many queues changes little from one time to the next.
_ROUNDS: Final = 3
#: kB of HTML that the first page may have.
HTML_KB: Final = 80
_ADMIN: Final = "the-token-of-an-administrator-for-a-minute"  # of a server on the loopback address
#: What is shown -> the path and the type of the answer.
_PAGES: Final = {
    "the first page": ("/", "text/html"),
    "`/metrics`": ("/metrics", "text/plain"),
    "a page of `/v1/queues`": ("/v1/queues?limit=200", "application/json"),
}
#: Commands -> their exit statuses; `ferry doctor` finds no worker.
_COMMANDS: Final = {"status": (0,), "doctor": (0, 1)}
#: Nothing listens there: `ferry doctor` then asks Klaviyo nothing.
_NO_KLAVIYO: Final = "http://127.0.0.1:9"
_HOW: Final = f"""\
One change is pending in each queue. Each figure is the CPU of one reading, the median of several, with the CPU of Redis
meanwhile: of a `ferry web` process for the pages and the API, asked every second so that no request shares the reading
of another; of this process for the alerts. It is compared with counting every queue one by one, once. The targets
are {TARGETS[0]} s for the fewer queues and {TARGETS[1]:g} s for the more. `ferry status` and `ferry doctor` are
processes of their own, most of whose CPU is their start, and are compared with ones that find no queues; Klaviyo cannot
be reached. The HTML is the whole first page, not compressed."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure the pages, the commands and the alerts, with fewer and with more queues. Raises BenchError."""
    rows: list[Row] = []
    with ExitStack() as stack:
        url = stack.enter_context(redis_server(folder))
        ferry = stack.enter_context(rivals.ferry(url, folder, processes=1, FERRY_ADMIN_TOKEN=_ADMIN))
        there = 0
        for queues, target in zip(sizes.queues, TARGETS, strict=True):
            accept(ferry.redis, acceptances(messages(queues - there, 1, audience=1 + there, first=there)))
            there = queues
            rows += _readings(ferry, queues, target, min(_ROUNDS, sizes.rounds))
            rows += _commands(ferry.redis, url, folder, queues, target, min(_ROUNDS, sizes.rounds))
    return Figure("Many queues", _HOW, rows)


def _readings(ferry: Rival, queues: int, target: float, rounds: int) -> list[Row]:
    redis, kb = ferry.redis, 0.0
    counting = _own_cpu(lambda: take_census(redis), redis, 1)
    found: dict[str, float] = {}
    for what, (path, kind) in _PAGES.items():
        found[what], size = _page(ferry, path, kind, rounds)
        kb = kb or size
    found["judging the alerts"] = _own_cpu(lambda: rules.judged(facts.look(redis), Limits()), redis, rounds)
    html = Row(f"HTML of the first page with {queues:,} queues", f"{kb:.0f} kB", "", _at_most(kb, HTML_KB, "kB"))
    return [*(_row(what, cpu, counting, queues, target) for what, cpu in found.items()), html]


def _row(what: str, cpu: float, counting: float, queues: int, target: float) -> Row:
    return Row(
        f"CPU of one reading with {queues:,} queues: {what}",
        f"{cpu:.2f} s",
        f"{counting:.2f} s for counting each queue",
        replace(_at_most(cpu, target, "s"), ratio=f"{cpu / counting:.2f}x"),
    )


def _at_most(figure: float, most: float, unit: str) -> Verdict:
    return Verdict("", f"<= {most:g} {unit}", figure <= most)


def _redis_cpu(redis: Redis) -> float:
    used = redis.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


def _own_cpu(work: Callable[[], object], redis: Redis, rounds: int) -> float:
    def once() -> float:
        began = time.process_time() + _redis_cpu(redis)
        work()
        return time.process_time() + _redis_cpu(redis) - began

    return median(once() for _ in range(rounds))


def _page(ferry: Rival, path: str, kind: str, rounds: int) -> tuple[float, float]:
    """Return the CPU seconds of an answer, and its kB."""
    headers = {"Authorization": f"Bearer {_ADMIN}", "Accept": kind}
    url = f"http://127.0.0.1:{ferry.ports[0]}{path}"

    def once() -> tuple[float, float]:
        time.sleep(1.1)
        began = ferry.cpu_s() + _redis_cpu(ferry.redis)
        answer = requests.get(url, headers=headers, timeout=60)
        if answer.status_code != 200:
            raise BenchError(f"{path} was answered {answer.status_code}")
        return ferry.cpu_s() + _redis_cpu(ferry.redis) - began, len(answer.content) / 1000

    once()
    found = [once() for _ in range(rounds)]
    return median(cpu for cpu, _ in found), median(kb for _, kb in found)


def _commands(redis: Redis, url: str, folder: Path, queues: int, target: float, rounds: int) -> list[Row]:
    def once(command: str, prefix: str = "") -> float:
        values = environment(REDIS_URL=url, FERRY_VAR=str(folder), FERRY_PREFIX=prefix, KLAVIYO_BASE_URL=_NO_KLAVIYO)
        began = _children_cpu() + _redis_cpu(redis)
        words = python("-m", "commands", command)
        done = run_to_end(words, values)
        if done.returncode not in _COMMANDS[command]:
            raise BenchError(f"`ferry {command}` ended with {done.returncode}: {done.stderr.strip()[-500:]}")
        return _children_cpu() + _redis_cpu(redis) - began

    found = {command: [(once(command), once(command, "empty:")) for _ in range(rounds)] for command in _COMMANDS}
    return [_command_row(command, pairs, queues, target) for command, pairs in found.items()]


def _children_cpu() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _command_row(command: str, pairs: Sequence[tuple[float, float]], queues: int, target: float) -> Row:
    full, empty = (median(each) for each in zip(*pairs, strict=True))
    return Row(
        f"CPU of `ferry {command}` with {queues:,} queues",
        f"{full:.2f} s",
        f"{empty:.2f} s with none",
        Verdict(f"{full / empty:.2f}x", f"<= {target:g} s more", full - empty <= target),
    )
