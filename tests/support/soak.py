"""A soak: real processes, a real Redis, random faults for a while; then everything must come to its end.

`python -m tests.support.soak --seconds 600 --seed 7`; with `--cluster` on a Redis Cluster, whose nodes have faults too.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import click
from redis import Redis

from emulator.server import running
from queues import dead_letters, pending
from queues.census import count
from queues.clock import now_ms
from queues.server.connection import connect
from tests.support import oracle
from tests.support.chaos import FAULTS, Chaos, Faults
from tests.support.cluster import Nodes, cluster_of
from tests.support.cluster_chaos import OPTIONS, ClusterChaos
from tests.support.group import Group
from tests.support.klaviyo import Account
from tests.support.load import Load, sending
from tests.support.model import Model
from tests.support.proxied_system import environment
from tests.support.recovery import open_batches, waiting
from tests.support.valkey import start_server
from tests.support.waiting import apart
from tests.support.web import Sender

log = logging.getLogger(__name__)

PROCESSES = ("web", "scheduler-1", "scheduler-2", "worker-1", "worker-2")
#: Senders, people of each, seconds between two messages of one.
SENDERS, PEOPLE, PAUSE_S = 3, 20, 0.2
#: Seconds in which everything accepted must be delivered once the faults have ended.
DRAIN_S = 90.0


@dataclass
class Report:
    """What happened. `lost` and `out_of_order` are what a soak is about."""

    seed: int
    done: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    restarts: int = 0
    accepted: int = 0
    delivered: int = 0
    superseded: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    drained_s: float = 0.0
    lost: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """All of it; nothing, when Ferry keeps its promises."""
        return [*self.lost, *self.out_of_order, *self.left_over]


def soak(seconds: float, seed: int, folder: Path, *, cluster: bool = False, pause_s: float = PAUSE_S) -> Report:
    """Run it. `folder`: for the servers' files and the processes' logs. `cluster`: three masters with replicas.

    `seconds`: at least, and until every deed and every fault had its turn. `pause_s`: between two messages of a sender.
    """
    report, random, model = Report(seed), Random(seed), Model()
    with ExitStack() as stack:
        url = stack.enter_context(running(job_seconds=0.3, limits_off=True))
        nodes = stack.enter_context(cluster_of(folder, 3, 3, *OPTIONS)) if cluster else None
        redis_url = nodes.url if nodes else _server(folder, stack)
        redis = stack.enter_context(connect(redis_url))
        klaviyo = Account(url)
        stack.callback(klaviyo.close)
        known = {**environment(redis_url, url), "FERRY_FLUSH_SIZE": "20", "FERRY_UPLOAD_MAX": "100"}
        if nodes:  # what a replica does not have yet when its master dies would be lost
            known["FERRY_DURABLE"] = "replicas:1"
        group = stack.enter_context(Group(known, folder, *PROCESSES, module="tests.support.hurried"))
        sender = Sender(group.port)
        loads = [
            Load(
                sender, model, range(n * PEOPLE, (n + 1) * PEOPLE), Random(random.random()), pause_s, _audiences(nodes)
            )
            for n in range(SENDERS)
        ]
        with sending(loads):
            with Faults(klaviyo, Random(random.random())) as report.faults:
                chaos = ClusterChaos(group, redis, random, nodes) if nodes else Chaos(group, redis, random)
                _strike(chaos, seconds, redis, report)
            _end(loads, group)
        report.answers = sender.answers
        _drain(redis, group, report)
        report.restarts = group.restarts
        _judge(redis, klaviyo, model, report)
    return report


def _server(folder: Path, stack: ExitStack) -> str:
    server, redis_url = start_server(folder, "--appendonly", "yes", "--appendfsync", "everysec")
    stack.callback(server.wait, 10)
    stack.callback(server.kill)
    return redis_url


def _audiences(nodes: Nodes | None) -> list[str]:
    """A few; on a cluster enough that every master has some."""
    return [str(number) for number in range(1, 13 if nodes else 4)]


def _strike(chaos: Chaos, seconds: float, redis: Redis, report: Report) -> None:
    end, first = time.monotonic() + seconds, len(chaos.due)
    while first > 0 or len(report.faults) < len(FAULTS) or time.monotonic() < end:
        apart(chaos.random.uniform(0.2, 2.0))
        chaos.strike()
        first -= 1
        report.lost += oracle.balance(redis)
    report.done = chaos.done


def _end(loads: list[Load], group: Group) -> None:
    """What is being sent is still answered."""
    for load in loads:
        load.end()
    while any(load.is_alive() for load in loads):
        group.revive()
        apart(0.1)


def _drain(redis: Redis, group: Group, report: Report) -> None:
    """What an operator does afterwards: flush what waits, and replay what three workers died over."""
    began = time.monotonic()
    while open_batches(redis) or waiting(redis) or _replay(redis, report):
        if time.monotonic() - began > DRAIN_S:
            break
        for queue in pending.all_queues(redis):
            pending.flush(redis, queue, now_ms())
        group.revive()
        apart(0.2)
    report.drained_s = time.monotonic() - began


def _replay(redis: Redis, report: Report) -> int:
    """Put all dead letters back; how many there were."""
    found = 0
    for queue in pending.all_queues(redis):
        letters = list(dead_letters.read(redis, queue))
        report.dead.update(letter.reason for letter in letters)
        dead_letters.replay(redis, queue, [letter.id for letter in letters], now_ms())
        found += len(letters)
    return found


def _judge(redis: Redis, klaviyo: Account, model: Model, report: Report) -> None:
    counts = count(redis, pending.all_queues(redis))
    report.accepted = sum(found.accepted for found in counts)
    report.delivered = sum(found.delivered for found in counts)
    report.superseded = sum(found.superseded for found in counts)
    report.lost += oracle.conservation(redis, model)
    report.out_of_order += oracle.membership(redis, klaviyo, model)
    report.left_over += [*oracle.quiet(redis), *oracle.private(redis), *oracle.doorbell_is_no_ledger(redis)]


@click.command()
@click.option("--seconds", default=600.0, show_default=True, help="How long the trouble lasts.")
@click.option("--seed", type=int, help="Of the random choices; random when left out.")
@click.option("--cluster", is_flag=True, help="On a Redis Cluster, whose nodes die, hang, move slots, come and go.")
def main(seconds: float, seed: int | None, cluster: bool) -> None:
    """Soak, and print what happened. Exit code 1 when anything was lost or ended on the wrong side."""
    logging.basicConfig(level=logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        report = soak(seconds, Random().randrange(1_000_000) if seed is None else seed, Path(folder), cluster=cluster)
    click.echo("\n".join(lines(report)))
    if report.wrong:
        raise SystemExit(1)


def lines(report: Report) -> list[str]:
    """The report for people: figures, then what is wrong in words."""
    return [
        f"seed                {report.seed}",
        f"kills and the like  {_sum(report.done)}",
        f"restarts            {report.restarts}",
        f"faults injected     {_sum(report.faults)}",
        f"answers to senders  {_sum(report.answers)} (0: none)",
        f"changes accepted    {report.accepted}",
        f"delivered           {report.delivered}",
        f"superseded          {report.superseded}",
        f"dead                {_sum(report.dead)}, replayed when the faults had ended",
        f"lost                {len(report.lost)}",
        f"out of order        {len(report.out_of_order)}",
        f"left over           {len(report.left_over)}",
        f"drained             {report.drained_s:.1f} s after the faults had ended",
        *report.wrong,
    ]


def _sum(counter: Mapping[Any, int]) -> str:
    parts = "; ".join(f"{name} {times}" for name, times in sorted(counter.items()))
    return f"{sum(counter.values())}: {parts}" if parts else "0"


if __name__ == "__main__":
    main()
