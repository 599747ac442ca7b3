"""Figure: the answer time of the intake at half of its full load."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from bench import rivals
from bench.load import Result
from bench.processes import redis_server
from bench.report import Figure, Row, Verdict
from bench.rivals import Rival, send
from bench.sizes import Sizes

#: mParticle: an audience module should answer within 100 ms (Firehose).
TARGET_MS = 100.0
_HOW = """\
Each round first measures the full load (closed loop), then sends requests with one change at half that rate, at random
times that do not depend on the answers (open loop, Poisson). The time runs from when a request was due, so it includes
a wait for a free connection."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure Ferry's intake and the plain way's, each at half of its full load. Raises BenchError."""
    with (
        redis_server(folder) as url,
        rivals.ferry(url, folder, sizes.webs) as ferry,
        rivals.plain_way(url, folder) as plain,
    ):
        rivals.warm_up(sizes.load_s, ferry, plain)
        rounds = [(_at_half_load(ferry, sizes), _at_half_load(plain, sizes)) for _ in range(sizes.rounds)]
    ours, theirs = zip(*rounds, strict=True)
    p99 = median(each.p99 for each in ours)
    row = Row(
        "Answer of the intake at half load, p50 / p99",
        _cell(ours),
        f"{_cell(theirs)} the plain way",
        Verdict(target=f"p99 < {TARGET_MS:g} ms", met=p99 < TARGET_MS),
    )
    return Figure("Latency of the intake", _HOW, [row])


def _at_half_load(rival: Rival, sizes: Sizes) -> Result:
    full = send(rival, 1, sizes.load_s / 2).per_second
    return send(rival, 1, sizes.open_s, rate=full / 2)


def _cell(results: tuple[Result, ...]) -> str:
    p50, p99 = median(each.p50 for each in results), median(each.p99 for each in results)
    return f"{p50:.1f} / {p99:.1f} ms at {median(each.per_second for each in results):,.0f} a second"
