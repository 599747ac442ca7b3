"""The results of the benchmarks, and the Markdown page with them."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from redis import Redis

_HEAD = ("What", "Ferry", "Compared with", "Ratio", "Target", "Met")
_COMPARED = """## How it is measured

The compared programs take turns in several rounds; the table shows medians over the rounds. The plain way is
`bench/plain_way.py`: Flask on gunicorn (gthread, 2 processes of 16 threads), one `rq.enqueue` for each change, and
`bench/plain_job.py`, a job that sends one request for each profile."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The ratio of a row and its target. `met`: None when there is no target."""

    ratio: str = ""
    target: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    ferry: str
    against: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Figure:
    """One benchmark. `how`: the description of the method."""

    title: str
    how: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine of a run. `load`: load average of the last minute when the run began."""

    day: str
    cores: int
    system: str
    python: str
    server: str
    load: float


def machine(redis: Redis) -> Machine:
    """Return this machine's data."""
    info = redis.info("server")
    valkey = info.get("valkey_version")
    return Machine(
        day=f"{datetime.now(UTC):%Y-%m-%d}",
        cores=os.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        server=f"Valkey {valkey}" if valkey else f"Redis {info['redis_version']}",
        load=os.getloadavg()[0],
    )


def page(figures: Sequence[Figure], on: Machine, minutes: float) -> str:
    """Return the complete page."""
    rows = [row for figure in figures for row in figure.rows]
    table = [_line(_HEAD), _line(["---"] * len(_HEAD)), *(_line(_cells(row)) for row in rows)]
    notes = [f"### {figure.title}\n\n{figure.how}" for figure in figures]
    parts = [f"# Benchmarks\n\n{_where(on)}", "\n".join(table), _repeat(minutes), _COMPARED, *notes]
    return "\n\n".join(parts) + "\n"


def at_least(ratio: float, target: float) -> Verdict:
    """Return the verdict on a ratio that should be large."""
    return Verdict(f"{ratio:.1f}x", f">= {target:g}x", ratio >= target)


def at_most(ratio: float, target: float) -> Verdict:
    """Return the verdict on a ratio that should be small."""
    return Verdict(f"{ratio:.2f}x", f"<= {target:g}x", ratio <= target)


def _where(on: Machine) -> str:
    return f"""Measured on {on.day}: {on.cores} cores ({on.system}), Python {on.python}, {on.server} with an append-only
file synced every second; load average {on.load:.1f} when the run began. The load generator, the measured server and
Redis share these cores. The ratios apply to other machines too, the absolute figures do not."""


def _repeat(minutes: float) -> str:
    return f"""Repeat it with `make bench`: it took {minutes:.0f} minutes here and sends nothing to other machines.
`python -m bench --only tick` measures one figure, `python -m bench --help` lists them."""


def _cells(row: Row) -> list[str]:
    verdict = row.verdict
    met = "" if verdict.met is None else "yes" if verdict.met else "**no**"
    return [row.what, row.ferry, row.against, verdict.ratio, verdict.target, met]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
