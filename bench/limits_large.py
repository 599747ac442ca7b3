"""Figure: the time of a large backlog in large uploads, compared with the least that Klaviyo's limits allow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench import ready_made
from bench.backlog import DEFAULTS, UNASKED, WORKERS, Drained, drain, throttled
from bench.ready_made import Rows, Sent
from bench.report import Figure, Row, Verdict
from bench.sizes import Sizes
from identity.sending import IDENTIFIERS
from klaviyo.calls import MAX_ROW_BYTES
from klaviyo.endpoints import BULK_IMPORT, PROFILES, PUBLISHED, Quota
from klaviyo.imports import MAX_ROWS
from klaviyo.lookups import MAX_VALUES
from queues.rate_limits import SHARE

_AUDIENCE = 1
_HOW = f"""\
The changes are pending in one audience whose connection is held; `upload_max` is {MAX_ROWS:,}. The time runs from the
release of the hold until the last change counts as imported; the scheduler and {WORKERS} worker processes are already
running. The emulator enforces the published limits ({{burst}} bulk imports a second and {{steady}} a minute, of which
Ferry leaves {SHARE:.0%} to other tools) and takes two seconds for an import job. This measures only the uploads: all
identifiers that the CDP knows are sent, without look-ups before or after (`trust_cdp`, `off`). After each run every
person must be on the list.
The least time is measured, too: Ferry's client sends the same people as ready-made rows, in as few uploads as
{MAX_ROWS:,} people and {MAX_ROW_BYTES / 1e6:.1f} MB in each allow, one after another, as fast as the same limiter and
the emulator allow, until the last import job is complete. "Limits alone" is the least time that the windows of a second
and a minute allow with a Klaviyo that answers at once; "last job" is the time from the last answer 202 until its job is
complete. Ready-made rows cost nothing in this run; making them from stored changes (decode, map, encode) is Ferry's
work, and the table shows its CPU time. The {WORKERS} workers share this work, and share the cores with the emulator,
Redis and the scheduler: on few cores the work takes longer than the limits do, so the ratio has no target. "CPU of a
delivery" has one for the work.
One more run uses the defaults, `verified` and `all`, and is bounded by the limit of look-ups, {{asked}} of profiles a
minute: each hundred people are looked up by e-mail, external id and phone before the upload, and on the list after it.
Every change must then count as delivered, which means found on the list."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure the backlog in turns with ready-made rows. Raises BenchError when a change was lost."""
    rows = ready_made.make(sizes.backlog)
    waiting = {_AUDIENCE: sizes.backlog}
    runs, bare = [], []
    for i in range(sizes.backlogs):
        runs.append(drain(folder / f"ferry-{i}", waiting, MAX_ROWS, UNASKED))
        bare.append(ready_made.send(rows, folder / f"ready-{i}"))
    proved = drain(folder / "proved", waiting, MAX_ROWS, DEFAULTS)
    published = PUBLISHED[BULK_IMPORT.name]
    how = _HOW.format(burst=published.burst, steady=published.steady, asked=PUBLISHED[PROFILES.name].less(SHARE).steady)
    every = [_row(sizes.backlog, rows, runs, bare), _proved(sizes.backlog, proved), throttled([*runs, proved])]
    return Figure("Large uploads", how, every)


def least_s(requests: int, quota: Quota) -> float:
    """Return the seconds from the first request until the last may be sent, with each window fully used. Pure."""
    at: list[float] = []
    for i in range(requests):
        second = at[i - quota.burst] + 1 if i >= quota.burst else 0.0
        minute = at[i - quota.steady] + 60 if i >= quota.steady else 0.0
        at.append(max(second, minute))
    return at[-1]


def _row(people: int, rows: Rows, runs: Sequence[Drained], bare: Sequence[Sent]) -> Row:
    ours, least = median(run.seconds[_AUDIENCE] for run in runs), median(sent.complete for sent in bare)
    limits = least_s(len(rows.uploads), PUBLISHED[BULK_IMPORT.name].less(SHARE))
    last = median(sent.complete - sent.uploaded for sent in bare)
    return Row(
        f"{people:,} pending changes imported in {len(runs[0].uploads)} uploads",
        f"{ours:.1f} s (mapping: {rows.cpu_s:.1f} s of one core)",
        f"{least:.1f} s for ready-made rows (limits alone {limits:.1f} s, last job {last:.1f} s)",
        Verdict(f"{ours / least:.2f}x"),
    )


def _proved(people: int, run: Drained) -> Row:
    ours, look_ups = run.seconds[_AUDIENCE], len(IDENTIFIERS) * people // MAX_VALUES
    least = least_s(look_ups, PUBLISHED[PROFILES.name].less(SHARE))
    return Row(
        f"The same, verified and proved, in {len(run.uploads)} uploads",
        f"{ours:.1f} s",
        f"{least:.1f} s for {look_ups:,} look-ups at the limit",
        Verdict(f"{ours / least:.2f}x" if least else ""),
    )
