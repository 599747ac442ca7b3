"""Figure: changes accepted a second, with one change in a request and with a hundred."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from bench import rivals
from bench.gunicorn_conf import workers
from bench.load import Result
from bench.processes import cpu_s, free_port, listens, program, python, redis_server
from bench.report import Figure, Row, Verdict, at_least
from bench.rivals import AUDIENCES, CONNECTIONS, Empty, Rival, send
from bench.sizes import Sizes

#: The least that Ferry should accept: requests with one change, of those that an empty app on the same server takes;
#: changes in requests with a hundred, of those of the plain way.
TARGET_OF_EMPTY, TARGET_OF_PLAIN = 0.3, 25.0
_HOW = f"""\
A load generator in a separate process keeps {CONNECTIONS} connections busy with mParticle membership messages (1.2 KB
with one person, 87 KB with 100), each with a unique id, spread over {AUDIENCES} audiences. The answers 202 count; after
each round the number of changes in Redis must be exactly the same. Ferry runs {workers} `ferry web` processes, as many
as the plain way. With one change in a request a third one takes turns with them: {workers} processes of an empty Falcon
app on uvicorn (`bench/empty_app.py`), the server of Ferry's intake, which read the request and answer 202. No intake on
this server can take more. The ratios to it are medians of those of the rounds; the CPU is that of the web
processes, with what they do once a second."""
_PROFILE: Final = """\
Where the CPU of a web process goes, by profile (`py-spy record --gil` for seven seconds of the same load on one
process). Of a request with one change: 28% group commit and the client of Redis, 26% uvicorn, its protocol and the
calls of the system for the connection, 12% reading the person and writing the change, 10% the checks of names, levels
and sizes, 7% person keys, 4% Falcon, 4% finding the sender, 3% the body, and the rest for account, answer and ids. Of
one with a hundred: 42% person keys, 22% reading and writing the people, 22% the checks of names, levels and sizes, 4%
group commit and the client of Redis. A person with four identifiers takes four keys: each is compared with the
placeholders and hashed, and no step of that is large. No part alone would reach a target: without any person keys, a
request with a hundred changes would still cost more than half."""


class Turn(NamedTuple):
    """A round of one server with one change in a request: what was sent, and the CPU us of its processes a request."""

    result: Result
    cpu_us: float


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure Ferry, the empty app and the plain way in turns. Raises BenchError."""
    with (
        redis_server(folder) as url,
        rivals.ferry(url, folder, sizes.webs) as ferry,
        rivals.plain_way(url, folder) as plain,
        rivals.empty_app(folder, sizes.webs) as empty,
    ):
        rivals.warm_up(sizes.load_s, ferry, plain)
        _empty_turn(empty, sizes.load_s)
        rounds = [_round(ferry, plain, empty, sizes.load_s) for _ in range(sizes.rounds)]
        hundreds = [(send(ferry, 100, sizes.load_s), send(plain, 100, sizes.load_s)) for _ in range(sizes.rounds)]
    ours, theirs, without = zip(*rounds, strict=True)
    singly = _row(1, [turn.result for turn in ours], theirs)
    together = _row(100, [ours for ours, _ in hundreds], [plain for _, plain in hundreds], TARGET_OF_PLAIN)
    rows = [*_of_empty(ours, without), singly, together]
    return Figure("Accepted changes", f"{_HOW}\n{_ceiling(sizes, folder)}\n\n{_PROFILE}", rows)


def _round(ferry: Rival, plain: Rival, empty: Empty, seconds: float) -> tuple[Turn, Result, Turn]:
    ours, without = ferry_turn(ferry, 1, seconds), _empty_turn(empty, seconds)
    return ours, send(plain, 1, seconds), without


def ferry_turn(ferry: Rival, changes: int, seconds: float) -> Turn:
    """Load Ferry with requests with so many changes. Raises BenchError."""
    before = ferry.cpu_s()
    result = send(ferry, changes, seconds)
    return Turn(result, (ferry.cpu_s() - before) / result.sent * 1e6)


def _empty_turn(empty: Empty, seconds: float) -> Turn:
    before = cpu_s(empty.pids)
    result = rivals.generate(empty.ports, rivals.memberships(1), seconds)
    return Turn(result, (cpu_s(empty.pids) - before) / result.sent * 1e6)


def _of_empty(ours: Sequence[Turn], without: Sequence[Turn]) -> list[Row]:
    pairs = list(zip(ours, without, strict=True))
    share = median(our.result.per_second / empty.result.per_second for our, empty in pairs)
    cost = median(our.cpu_us / empty.cpu_us for our, empty in pairs)
    fast, most = (median(turn.result.per_second for turn in turns) for turns in (ours, without))
    spent, least = (median(turn.cpu_us for turn in turns) for turns in (ours, without))
    return [
        Row(
            "Changes accepted a second, 1 in a request, of the empty Falcon app",
            f"{fast:,.0f}",
            f"{most:,.0f} the empty app",
            Verdict(f"{share:.2f}x", f">= {TARGET_OF_EMPTY:g}x", share >= TARGET_OF_EMPTY),
        ),
        Row(
            "CPU of the web processes for a request with 1 change",
            f"{spent:,.0f} us",
            f"{least:,.0f} us the empty app",
            Verdict(f"{cost:.1f}x"),
        ),
    ]


def _row(changes: int, ours: Sequence[Result], theirs: Sequence[Result], target: float | None = None) -> Row:
    fast, slow = (median(each.per_second * changes for each in results) for results in (ours, theirs))
    share = median(each.cpu for each in ours)
    return Row(
        f"Changes accepted a second, {changes} in a request",
        f"{fast:,.0f} (generator: {share:.0%} of a core)",
        f"{slow:,.0f} the plain way",
        Verdict(f"{fast / slow:.1f}x") if target is None else at_least(fast / slow, target),
    )


def _ceiling(sizes: Sizes, folder: Path) -> str:
    """Describe what the load generator reaches with a trivial server, which bounds the figures."""
    bare = free_port()
    with program(folder / "hello.log", python("-m", "bench.hello", str(bare)), {}, lambda: listens(bare)):
        requests = [rivals.memberships(changes) for changes in (1, 100)]
        one, hundred = (rivals.generate([bare], each, sizes.load_s).per_second for each in requests)
    return (
        f"To a server that does nothing else, the generator sends {one:,.0f} requests a second with one change, "
        f"{hundred:,.0f} with a hundred."
    )
