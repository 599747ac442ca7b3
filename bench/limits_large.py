"""Figure: how long a large backlog takes in large uploads, over the least that Klaviyo's limits allow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench import ready_made
from bench.backlog import WORKERS, Drained, drain, throttled
from bench.ready_made import Rows, Sent
from bench.report import Figure, Row, at_most
from bench.sizes import Sizes
from klaviyo.endpoints import BULK_IMPORT
from klaviyo.imports import MAX_ROW_BYTES, MAX_ROWS
from klaviyo.limiter import SHARE
from klaviyo.quotas import PUBLISHED, Quota

TARGET = 1.25
_AUDIENCE = 1
_HOW = f"""\
The changes wait in one audience, whose connection is held; `upload_max` is {MAX_ROWS:,}. The time runs from the release
of the hold until the last change counts as delivered; scheduler and {WORKERS} worker processes are up by then. The
emulator enforces the published limits of bulk import, {{burst}} a second and {{steady}} a minute, of which Ferry leaves
{SHARE:.0%} to other tools, and takes two seconds for an import job. After each run every change must be counted as
delivered and every person be on the list.
The least time is measured, too: the same people as rows made beforehand, in as few uploads as {MAX_ROWS:,} people and
{MAX_ROW_BYTES / 1e6:.1f} MB in each allow, are sent by Ferry's client one after another, as fast as the same limiter
lets it and the emulator takes them, until the last import job is complete. "Limits alone" is what the windows of a
second and a minute leave of that for a Klaviyo that answers at once, "last job" the time from the last answer 202 until
its job is complete. Rows made beforehand cost nothing there; making them of stored changes (decode, map, encode) is
work of Ferry's, and the CPU time it takes stands in the table. The {WORKERS} workers share it, and their cores with the
emulator, Redis and the scheduler."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """The backlog in turns with the same rows made beforehand. Raises BenchError when a change was lost."""
    rows = ready_made.make(sizes.backlog)
    runs, bare = [], []
    for i in range(sizes.backlogs):
        runs.append(drain(folder / f"ferry-{i}", {_AUDIENCE: sizes.backlog}, MAX_ROWS))
        bare.append(ready_made.send(rows, folder / f"ready-{i}"))
    published = PUBLISHED[BULK_IMPORT.name]
    how = _HOW.format(burst=published.burst, steady=published.steady)
    return Figure("Large uploads", how, [_row(sizes.backlog, rows, runs, bare), throttled(runs)])


def least_s(uploads: int, quota: Quota) -> float:
    """Seconds from the first upload until the last may be sent, when each window is used to the full. Pure."""
    at: list[float] = []
    for i in range(uploads):
        second = at[i - quota.burst] + 1 if i >= quota.burst else 0.0
        minute = at[i - quota.steady] + 60 if i >= quota.steady else 0.0
        at.append(max(second, minute))
    return at[-1]


def _row(people: int, rows: Rows, runs: Sequence[Drained], bare: Sequence[Sent]) -> Row:
    ours, least = median(run.seconds[_AUDIENCE] for run in runs), median(sent.complete for sent in bare)
    limits = least_s(len(rows.uploads), PUBLISHED[BULK_IMPORT.name].less(SHARE))
    last = median(sent.complete - sent.uploaded for sent in bare)
    return Row(
        f"{people:,} waiting changes delivered in {len(runs[0].uploads)} uploads",
        f"{ours:.1f} s (mapping: {rows.cpu_s:.1f} s of one core)",
        f"{least:.1f} s for ready-made rows (limits alone {limits:.1f} s, last job {last:.1f} s)",
        at_most(ours / least, TARGET),
    )
