"""Figure: the delivery time of small audiences beside a large one of the same connection, compared with alone."""

from __future__ import annotations

from pathlib import Path

from bench.backlog import DEFAULTS, WORKERS, Drained, drain
from bench.report import Figure, Row, at_most
from bench.sizes import Sizes

TARGET = 2.0
_PEOPLE = 100
_LARGE = 1
_HOW = f"""\
As above, with `upload_max` {_PEOPLE} and all audiences on one connection, whose limits they share. The changes of the
large audience are accepted before those of the small ones, and all are pending when the hold is released. The time ends
when the last small audience is delivered; a separate installation measures it without the large one. {WORKERS} worker
processes, one run of each."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure the small audiences alone, then beside the large one. Raises BenchError when a change was lost."""
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
