"""Figure: the CPU that workers use for a delivered change, compared with checking its phone number alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from bench.backlog import UNASKED, WORKERS, Installation, deliver, fill, installed
from bench.errors import BenchError
from bench.mapping import check, ratio, seconds
from bench.messages import phone
from bench.processes import cpu_s
from bench.report import Figure, Row, Verdict, at_most
from bench.sizes import Sizes
from klaviyo.imports import MAX_ROWS
from queues import doorbell

#: The most that a change in uploads of 10,000 may cost, of `phonenumbers` alone.
TARGET: Final = 2.0
SMALL: Final = 100
_AUDIENCE: Final = 1
#: Seconds within which the workers must be idle after the last change.
_PATIENCE_S: Final = 30.0
_LOOK_S: Final = 0.02
_HOW: Final = f"""\
The changes are pending in one audience whose connection is held. From the release of the hold until the last change
counts as imported, the CPU of the {WORKERS} worker processes and of the deliveries that they fork is added up. Neither
Ferry nor the emulator applies limits, import jobs complete at once, and nobody is looked up or looked for
(`trust_cdp`, `off`): this is what decoding, mapping, coalescing, uploading and settling cost. The CPU of Redis, of the
scheduler and of the emulator does not count. Compared with `phonenumbers` alone on the same numbers, with its pattern
cache on. By profile, two fifths of a change's CPU in large batches are what is remembered of its person for later
batches; an eighth is what earlier and open batches say of the person, a fifth finding the identifiers, in both of the
batch's processes, and coalescing, a sixth the row for Klaviyo; the rest is decoding and settling. In batches of 100
two fifths are system time: each of a batch's two processes is forked from its worker and has some 3,500 page faults.
About two seconds of the time are the wait before the first look at an import job."""


class Spent(NamedTuple):
    """What a delivery took: seconds, and CPU us of the workers for each change."""

    seconds: float
    cpu_us: float


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure batches of a hundred and of ten thousand. Raises BenchError when a change was lost."""
    rows = [
        _row(SMALL, sizes.batches * SMALL, sizes.backlogs, folder / "small"),
        _row(MAX_ROWS, sizes.delivered, sizes.backlogs, folder / "large", TARGET),
    ]
    return Figure("CPU of a delivery", _HOW, rows)


def run(folder: Path, upload_max: int, changes: int) -> Spent:
    """Deliver so many changes in uploads of at most `upload_max` people. Raises BenchError when one was lost."""
    with installed(folder, upload_max, UNASKED, limits=False) as here:
        fill(here.redis, {_AUDIENCE: changes})
        before = cpu_s(here.workers, children=True)
        took = deliver(here, {_AUDIENCE: changes})[_AUDIENCE]
        until_idle(here)
        return Spent(took, (cpu_s(here.workers, children=True) - before) / changes * 1e6)


def until_idle(here: Installation) -> None:
    """Wait for the end of the last deliveries: only then their CPU is part of their worker's. Raises BenchError."""
    until = time.monotonic() + _PATIENCE_S
    while any(state != "idle" for state in doorbell.workers(here.redis).values()):
        if time.monotonic() > until:
            raise BenchError(f"the workers were not idle within {_PATIENCE_S:g} s; see their logs")
        time.sleep(_LOOK_S)


def _row(upload_max: int, changes: int, rounds: int, folder: Path, target: float | None = None) -> Row:
    numbers = [("US", phone(person)) for person in range(changes)]
    check(numbers[:SMALL])  # loads the metadata
    folder.mkdir()
    found = [(run(folder / str(i), upload_max, changes), _alone_us(numbers)) for i in range(rounds)]
    ours, alone = [spent.cpu_us for spent, _ in found], [us for _, us in found]
    return Row(
        f"CPU of the workers for a change, in batches of {upload_max:,}",
        f"{median(ours):.0f} us; {changes:,} changes in {median(spent.seconds for spent, _ in found):.1f} s",
        f"{median(alone):.0f} us `phonenumbers` alone",
        _verdict(ratio(ours, alone), target),
    )


def _alone_us(numbers: Sequence[tuple[str, str]]) -> float:
    return seconds(lambda: check(numbers)) / len(numbers) * 1e6


def _verdict(of_alone: float, target: float | None) -> Verdict:
    return Verdict(f"{of_alone:.2f}x") if target is None else at_most(of_alone, target)
