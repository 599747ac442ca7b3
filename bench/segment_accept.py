"""Figure: Segment events accepted a second, with one in a request."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from bench import rivals
from bench.load import Result
from bench.messages import phone
from bench.processes import redis_server
from bench.report import Figure, Row, Verdict
from bench.rivals import CONNECTIONS, Rival
from bench.segment_messages import PATH, marked
from bench.sizes import Sizes

_HOW = f"""\
As for accepted changes, with the same load generator, {CONNECTIONS} connections and the same `ferry web` processes:
requests to `{PATH}` with one `track` message (1 KB) each, with unique ids, take turns with requests to `/v1/mparticle`
with one person. The default actions turn each message into an event. The answers 200 count; after each round the number
of events in Redis must be exactly the same. The events are pending in one queue, as for one connection, and the changes
of mParticle in {rivals.AUDIENCES}."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure Segment's endpoint and mParticle's in turns. Raises BenchError."""
    with redis_server(folder) as url, rivals.ferry(url, folder, sizes.webs) as ferry:
        tracks = [marked(phone(i)) for i in range(CONNECTIONS)]
        for requests in (tracks, rivals.memberships(1)):
            rivals.load(ferry, requests, 1, sizes.load_s)
        rounds = [_round(ferry, tracks, sizes) for _ in range(sizes.rounds)]
    return Figure("Accepted events of Segment", _HOW, [_row(*zip(*rounds, strict=True))])


def _round(ferry: Rival, tracks: list[bytes], sizes: Sizes) -> tuple[Result, Result]:
    return rivals.load(ferry, tracks, 1, sizes.load_s), rivals.send(ferry, 1, sizes.load_s)


def _row(segment: tuple[Result, ...], mparticle: tuple[Result, ...]) -> Row:
    events, changes = (median(each.per_second for each in results) for results in (segment, mparticle))
    share = median(each.cpu for each in segment)
    return Row(
        "Events of Segment accepted a second, 1 in a request",
        f"{events:,.0f} (generator: {share:.0%} of a core)",
        f"{changes:,.0f} changes to `/v1/mparticle`",
        Verdict(f"{events / changes:.2f}x"),
    )
