"""Figure: what several `ferry web` and `ferry worker` reach, on one Redis and on three nodes, and the CPU they take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Final

from bench import backlog, deliveries, nodes, rivals
from bench.backlog import Installation
from bench.delivery import until_idle
from bench.emulated import emulator
from bench.nodes import Servers
from bench.processes import cpu_s
from bench.report import Figure, Row, Verdict
from bench.rivals import CONNECTIONS, Rival
from bench.sizes import Sizes
from queues.server.connection import connect

#: Changes in a request.
REQUESTS: Final = (100, 1)
#: People in an upload at most -> the part of the crowd that is delivered so.
UPLOADS: Final[Mapping[int, float]] = {10_000: 1.0, 100: 0.25}
NODES: Final = 3
#: Rounds of load: fewer than elsewhere, because so many ways take turns.
_ROUNDS: Final = 3
_HOW: Final = f"""\
One Redis and a cluster of {NODES} nodes without replicas take turns, both reached by TCP. Everything shares the cores
of one machine, so the rates show what the processes reach together there; CPU time shows what each part needs, on any
number of machines. Behind each rate stands the CPU time of each part for 1,000 changes: of all web or worker processes
with their children, of the scheduler, and of all nodes. The load generator and the emulator are not counted.

Accepting: as for accepted changes, with {CONNECTIONS} connections, medians of {_ROUNDS} rounds. Delivering: new people
wait in as many audiences as there are workers at most, and Ferry's defaults (`verified`, `all`) apply. Neither Ferry
nor the emulator keeps to Klaviyo's limits, and import jobs are done at once. The time runs from the release of a hold
until everybody counts as delivered; some two seconds of it are the wait before the first look at an import job. One run
of each."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`rate`: changes in the unit of the row. `ms`: by part, CPU milliseconds for 1,000 changes."""

    rate: float
    ms: Mapping[str, float]


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure the intake, then the delivery, on one Redis and on the nodes in turns. Raises BenchError."""
    with nodes.one(folder) as single, nodes.cluster(folder, NODES) as several:
        rows = [*_accepting((single, several), sizes, folder), *_delivering((single, several), sizes, folder)]
    return Figure("Several processes, one Redis and three nodes", _HOW, rows)


def _accepting(both: Sequence[Servers], sizes: Sizes, folder: Path) -> list[Row]:
    with ExitStack() as stack:
        most = max(sizes.processes)
        intakes = [stack.enter_context(rivals.ferry(servers.url, folder, most)) for servers in both]
        rivals.warm_up(sizes.load_s, *intakes)
        rows = []
        for changes in REQUESTS:
            for count in sizes.processes:
                fewer = [replace(each, ports=each.ports[:count], pids=each.pids[:count]) for each in intakes]
                found = _rounds(both, fewer, changes, sizes)
                rows.append(_row(f"Changes accepted a second, {changes} in a request, {_many(count, 'web')}", found))
        return rows


def _rounds(both: Sequence[Servers], intakes: Sequence[Rival], changes: int, sizes: Sizes) -> list[Rate]:
    found: list[list[Rate]] = [[] for _ in both]
    for _ in range(min(_ROUNDS, sizes.rounds)):
        for rates, servers, intake in zip(found, both, intakes, strict=True):
            rates.append(_accept(servers, intake, changes, sizes.load_s))
    return [_median(rates) for rates in found]


def _accept(servers: Servers, intake: Rival, changes: int, seconds: float) -> Rate:
    intake.redis.flushall()
    parts = {"web": intake.cpu_s, "Redis": servers.cpu_s}
    before = _read(parts)
    result = rivals.generate(intake.ports, rivals.memberships(changes), seconds)
    spent = _since(parts, before, result.sent * changes)
    rivals.check(intake, result, changes)
    return Rate(result.per_second * changes, spent)


def _delivering(both: Sequence[Servers], sizes: Sizes, folder: Path) -> list[Row]:
    rows = []
    for people, part in UPLOADS.items():
        for count in sizes.processes:
            homes = [folder / f"{people}-{count}-{number}" for number in range(len(both))]
            waiting = _waiting(round(sizes.crowd * part), max(sizes.processes))
            pairs = zip(both, homes, strict=True)
            found = [_deliver(servers, home, waiting, people, count) for servers, home in pairs]
            upload = min(people, waiting[1])
            rows.append(_row(f"People delivered a minute in uploads of {upload:,}, {_many(count, 'worker')}", found))
    return rows


def _waiting(people: int, audiences: int) -> dict[int, int]:
    """Return the number of people who wait in each audience, by its number."""
    return dict.fromkeys(range(1, audiences + 1), people // audiences)


def _deliver(servers: Servers, home: Path, waiting: Mapping[int, int], upload_max: int, workers: int) -> Rate:
    home.mkdir()
    with emulator(home) as klaviyo, connect(servers.url) as redis:
        settings = {"REDIS_URL": servers.url, "FERRY_UPLOAD_MAX": str(upload_max), **klaviyo.settings}
        with deliveries.delivery(redis, home, settings, workers, "bench.unlimited") as pids:
            parts = {
                "scheduler": lambda: cpu_s([pids.scheduler]),
                "worker": lambda: cpu_s(pids.workers, children=True),
                "Redis": servers.cpu_s,
            }
            backlog.fill(redis, waiting)
            before = _read(parts)
            here = Installation(redis, klaviyo, proves=True)
            seconds = max(backlog.deliver(here, waiting).values())
            until_idle(here)
            spent = _since(parts, before, sum(waiting.values()))
        redis.flushall()
    return Rate(sum(waiting.values()) / seconds * 60, spent)


def _read(parts: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    return {name: seconds() for name, seconds in parts.items()}


def _since(parts: Mapping[str, Callable[[], float]], before: Mapping[str, float], changes: int) -> dict[str, float]:
    """Return the CPU milliseconds of each part for 1,000 changes."""
    return {name: (now - before[name]) * 1e6 / changes for name, now in _read(parts).items()}


def _median(rates: Sequence[Rate]) -> Rate:
    ms = {name: median(each.ms[name] for each in rates) for name in rates[0].ms}
    return Rate(median(each.rate for each in rates), ms)


def _row(what: str, found: Sequence[Rate]) -> Row:
    single, several = found
    return Row(what, _cell(single), f"{_cell(several)} on {NODES} nodes", Verdict(f"{several.rate / single.rate:.2f}x"))


def _cell(rate: Rate) -> str:
    parts = ", ".join(f"{name} {ms:,.{int(ms < 10)}f} ms" for name, ms in rate.ms.items())
    return f"{rate.rate:,.0f} ({parts})"


def _many(count: int, process: str) -> str:
    return f"{count} {process} process{'' if count == 1 else 'es'}"
