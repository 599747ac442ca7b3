"""The sizes of the benchmarks: of the full run, and of a quick one that only checks that everything works."""

from __future__ import annotations

from dataclasses import dataclass

from bench.gunicorn_conf import workers


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of a run.

    `rounds`: how often the compared programs take turns. `webs`: `ferry web` processes that share a load. `load_s`,
    `open_s`: seconds of load in a round. `flushes`, `plain_flushes`: hundreds of people followed to Klaviyo. `people`:
    people mapped in a round. `changes`: changes pending in Redis while its memory is measured. `queues`: idle queues in
    the large ledger; `shown`: in the one that is looked at. `ticks`: ticks measured in each ledger. `backlog`: changes
    pending in one audience; `backlogs`: how often they are delivered in uploads of 10,000. `newcomers`: people who are
    delivered twice, as new and as known people. `uploads`: uploads of 100 people each, one after another. `large`:
    changes of the large audience; `audiences`: number of small audiences beside it; `small`: changes of each.
    `members`: people in a snapshot. `result_rows`: rows of the result of a query.
    """

    rounds: int
    webs: int
    load_s: float
    open_s: float
    flushes: int
    plain_flushes: int
    people: int
    changes: int
    queues: int
    shown: int
    ticks: int
    backlog: int
    backlogs: int
    newcomers: int
    uploads: int
    large: int
    audiences: int
    small: int
    members: int
    result_rows: int


FULL = Sizes(
    rounds=5,
    webs=workers,
    load_s=3.0,
    open_s=5.0,
    flushes=60,
    plain_flushes=3,
    people=2_000,
    changes=100_000,
    queues=100_000,
    shown=20_000,
    ticks=15,
    backlog=200_000,
    backlogs=3,
    newcomers=10_000,
    uploads=5 * 135 + 1,
    large=20_000,
    audiences=19,
    small=200,
    members=1_000_000,
    result_rows=1_000_000,
)
QUICK = Sizes(
    rounds=1,
    webs=1,
    load_s=0.15,
    open_s=0.3,
    flushes=2,
    plain_flushes=1,
    people=50,
    changes=1_000,
    queues=200,
    shown=300,
    ticks=2,
    backlog=300,
    backlogs=1,
    newcomers=200,
    uploads=3,
    large=200,
    audiences=2,
    small=100,
    members=600,
    result_rows=3_000,
)
