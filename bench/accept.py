"""Figure: changes accepted a second, with one change in a request and with a hundred."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

from bench import rivals
from bench.gunicorn_conf import workers
from bench.load import Result
from bench.processes import free_port, listens, program, python, redis_server
from bench.report import Figure, Row, at_least
from bench.rivals import AUDIENCES, CONNECTIONS, Rival, send
from bench.sizes import Sizes

#: Changes in a request -> how many times the changes a second of the plain way Ferry should accept.
TARGETS = {1: 15.0, 100: 25.0}
_HOW = f"""\
A load generator in a separate process keeps {CONNECTIONS} connections busy with mParticle membership messages (1.2 KB
with one person, 87 KB with 100), each with a unique id, spread over {AUDIENCES} audiences. The answers 202 count; after
each round the number of changes in Redis must be exactly the same. Ferry runs {workers} `ferry web` processes, as many
as the plain way."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure Ferry and the plain way in turns. Raises BenchError."""
    with (
        redis_server(folder) as url,
        rivals.ferry(url, folder, sizes.webs) as ferry,
        rivals.plain_way(url, folder) as plain,
    ):
        rivals.warm_up(sizes.load_s, ferry, plain)
        measured = [_row(ferry, plain, changes, sizes) for changes in TARGETS]
    goal = TARGETS[1] * measured[0][1]
    return Figure("Accepted changes", f"{_HOW}\n{_ceilings(sizes, folder, goal)}", [row for row, _ in measured])


def _row(ferry: Rival, plain: Rival, changes: int, sizes: Sizes) -> tuple[Row, float]:
    """Return the row and the changes a second of the plain way."""
    ours: list[Result] = []
    theirs: list[Result] = []
    for _ in range(sizes.rounds):
        theirs.append(send(plain, changes, sizes.load_s))
        ours.append(send(ferry, changes, sizes.load_s))
    fast, slow = (median(each.per_second * changes for each in results) for results in (ours, theirs))
    share = median(each.cpu for each in ours)
    row = Row(
        f"Changes accepted a second, {changes} in a request",
        f"{fast:,.0f} (generator: {share:.0%} of a core)",
        f"{slow:,.0f} the plain way",
        at_least(fast / slow, TARGETS[changes]),
    )
    return row, slow


def _ceilings(sizes: Sizes, folder: Path, goal: float) -> str:
    """Describe what the load generator reaches with trivial servers, which bounds the figures.

    `goal`: requests with one change a second that Ferry should accept.
    """
    bare, empty = free_port(), [free_port() for _ in range(workers)]
    with program(folder / "hello.log", python("-m", "bench.hello", str(bare)), {}, lambda: listens(bare)):
        requests = [rivals.memberships(changes) for changes in TARGETS]
        one, hundred = (rivals.generate([bare], each, sizes.load_s).per_second for each in requests)
    with ExitStack() as stack:
        for port in empty:
            words = ["--port", str(port), "--log-level", "warning", "--no-access-log"]
            command = python("-m", "uvicorn", "bench.empty_app:app", *words)
            stack.enter_context(program(folder / f"empty-{port}.log", command, {}, partial(listens, port)))
        framework = rivals.generate(empty, rivals.memberships(1), sizes.load_s).per_second
    return (
        f"To a server that does nothing else, the generator sends {one:,.0f} requests a second with one change, "
        f"{hundred:,.0f} with a hundred. {workers} processes of an empty Falcon app on uvicorn, which read the request "
        f"with one change and answer 202, take {framework:,.0f} a second here: no intake built on them can take more. "
        f"{TARGETS[1]:.0f} times the plain way would be {goal:,.0f} a second: with {workers} cores that leaves "
        f"{(1 / goal - 1 / framework) * workers * 1e6:.0f} us a request for everything else that Ferry and Redis do."
    )
