"""Figure: how long small audiences take beside a large one of the same connection, over what they take alone."""

from __future__ import annotations

from pathlib import Path

from bench.backlog import DEFAULTS, WORKERS, Drained, drain
from bench.report import Figure, Row, at_most
from bench.sizes import Sizes

TARGET = 2.0
_PEOPLE = 100
_LARGE = 1
_HOW = f"""\
As above, with `upload_max` {_PEOPLE} and all audiences of one connection, which share its limits. The large audience
was accepted before the small ones, and all of them wait when the hold is released. The time is that of the small
audience that is delivered last; without the large one it is measured in an installation of its own. {WORKERS} worker
processes, one run of each."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """The small audiences alone, then beside the large one. Raises BenchError when a change was lost."""
    small = {_LARGE + 1 + i: sizes.small for i in range(sizes.audiences)}
    alone = _slowest(drain(folder / "alone", small, _PEOPLE, DEFAULTS))
    beside = _slowest(drain(folder / "beside", {_LARGE: sizes.large, **small}, _PEOPLE, DEFAULTS))
    row = Row(
        f"{len(small)} audiences of {sizes.small} changes delivered, beside one of {sizes.large:,}",
        f"{beside:.1f} s",
        f"{alone:.1f} s without the large one",
        at_most(beside / alone, TARGET),
    )
    return Figure("Fairness", _HOW, [row])


def _slowest(run: Drained) -> float:
    return max(seconds for audience, seconds in run.seconds.items() if audience != _LARGE)
