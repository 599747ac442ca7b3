"""The results of the benchmarks, and the Markdown page with them."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from redis import Redis

_HEAD = ("What", "Ferry", "Compared with", "Ratio", "Target", "Met")
_LONG_HEAD = "## Long figures"
_COMPARED = """## How it is measured

The compared programs take turns in several rounds; the table shows medians over the rounds. The plain way is
`bench/plain_way.py`: Flask on gunicorn (gthread, 2 processes of 16 threads), one `rq.enqueue` for each change, and
`bench/plain_job.py`, a job that sends one request for each profile. So that a run takes less than half an hour, loads
last two seconds in each of four rounds, thirty flushes are followed, small uploads last two minutes, the result of a
query has 200,000 rows and a snapshot 100,000 people. The long figures have larger sizes and are measured apart."""


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


def page(figures: Sequence[Figure], on: Machine, took: Mapping[str, float]) -> str:
    """Return the page without its part for the long figures. `took`: seconds by figure."""
    repeat = f"""Repeat it with `make bench`: {_duration(took)}. It sends nothing to other machines.
`python -m bench --only tick` measures one figure, `python -m bench --help` lists them. `make bench-compare REV=main`
compares the figures that are CPU time or memory with another revision, in turns and within ten minutes: a figure is
worse when even the least of its ratios is above 1.10."""
    return _joined([f"# Benchmarks\n\n{_where(on)}", _table(figures), repeat, _COMPARED, *_notes(figures)])


def long_part(figures: Sequence[Figure], on: Machine, took: Mapping[str, float]) -> str:
    """Return the part of the page for the long figures. `took`: seconds by figure."""
    repeat = f"Repeat it with `python -m bench --long`: {_duration(took)}."
    return _joined([f"{_LONG_HEAD}\n\n{_where(on)}", _table(figures), repeat, *_notes(figures)])


def with_part(whole: str, part: str) -> str:
    """Return a page with one of its two parts replaced. `part`: as `page` or `long_part` returns it. Pure."""
    first, head, second = whole.partition(_LONG_HEAD)
    if part.startswith(_LONG_HEAD):
        return f"{first.rstrip()}\n\n{part}"
    return f"{part}\n{head}{second}" if head else part


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(parts) + "\n"


def _table(figures: Sequence[Figure]) -> str:
    rows = [row for figure in figures for row in figure.rows]
    return "\n".join([_line(_HEAD), _line(["---"] * len(_HEAD)), *(_line(_cells(row)) for row in rows)])


def _notes(figures: Sequence[Figure]) -> list[str]:
    return [f"### {figure.title}\n\n{figure.how}" for figure in figures]


def _duration(took: Mapping[str, float]) -> str:
    """Return how long the figures took, the longest first."""
    each = ", ".join(f"{name} {took[name]:.0f} s" for name in sorted(took, key=lambda name: -took[name]))
    return f"it took {sum(took.values()) / 60:.0f} minutes here ({each})"


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


def _cells(row: Row) -> list[str]:
    verdict = row.verdict
    met = "" if verdict.met is None else "yes" if verdict.met else "**no**"
    return [row.what, row.ferry, row.against, verdict.ratio, verdict.target, met]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
