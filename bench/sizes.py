"""The sizes of the benchmarks: of a run, of the long figures, and of a quick run that only checks that all works."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.gunicorn_conf import workers


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of a run.

    `rounds`: how often the compared programs take turns. `webs`: `ferry web` processes that share a load. `load_s`,
    `open_s`: seconds of load in a round. `flushes`, `plain_flushes`: hundreds of people followed to Klaviyo; `traced`:
    more of them, whose steps are timed. `people`: people mapped in a round. `changes`: changes pending in Redis while
    its memory is measured. `queues`: idle queues in a ledger, first fewer and then more. `ticks`: ticks measured in
    each ledger; `watch_s`: seconds for which a scheduler is watched. `batches`: batches of 100 whose CPU is measured;
    `delivered`: changes whose CPU is measured in uploads of 10,000. `backlog`: changes pending in one audience;
    `backlogs`: how often each of the three is delivered. `newcomers`: people who are delivered twice, as new and as
    known people. `uploads`: uploads of 100 people each, one after another. `large`: changes of the large audience;
    `audiences`: number of small audiences beside it; `small`: changes of each. `processes`: numbers of `ferry
    web` and of `ferry worker` that are compared; `crowd`: people whom the workers deliver. `members`: people in a
    snapshot, and remembered people. `result_rows`: rows of the result of a query.
    """

    rounds: int
    webs: int
    load_s: float
    open_s: float
    flushes: int
    plain_flushes: int
    traced: int
    people: int
    changes: int
    queues: tuple[int, int]
    ticks: int
    watch_s: float
    batches: int
    delivered: int
    backlog: int
    backlogs: int
    newcomers: int
    uploads: int
    large: int
    audiences: int
    small: int
    processes: tuple[int, ...]
    crowd: int
    members: int
    result_rows: int


FULL = Sizes(
    rounds=4,
    webs=workers,
    load_s=2.0,
    open_s=3.0,
    flushes=30,
    plain_flushes=3,
    traced=15,
    people=2_000,
    changes=100_000,
    queues=(20_000, 100_000),
    ticks=10,
    watch_s=15.0,
    batches=20,
    delivered=40_000,
    backlog=200_000,
    backlogs=2,
    newcomers=10_000,
    uploads=2 * 135 + 1,
    large=20_000,
    audiences=19,
    small=200,
    processes=(1, 2, 4),
    crowd=16_000,
    members=100_000,
    result_rows=200_000,
)
LONG = replace(FULL, rounds=5, load_s=3.0, backlogs=3, crowd=40_000, members=1_000_000, result_rows=1_000_000)
QUICK = Sizes(
    rounds=1,
    webs=1,
    load_s=0.05,
    open_s=0.1,
    flushes=2,
    plain_flushes=1,
    traced=2,
    people=50,
    changes=500,
    queues=(200, 300),
    ticks=1,
    watch_s=2.5,
    batches=2,
    delivered=200,
    backlog=300,
    backlogs=1,
    newcomers=200,
    uploads=3,
    large=200,
    audiences=2,
    small=100,
    processes=(1,),
    crowd=400,
    members=600,
    result_rows=3_000,
)
