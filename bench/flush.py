"""Figure: the time from accepting the hundredth change to the upload at Klaviyo."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from statistics import median

from bench import deliveries
from bench.emulated import Emulator, emulator
from bench.errors import BenchError
from bench.flush_steps import STEPS, Flushed, Watch, steps_ms
from bench.messages import PATH, TOKEN, message, number, phone, profile
from bench.report import Figure, Row, Verdict
from bench.rivals import Rival
from bench.sizes import Sizes
from identity.sending import IDENTIFIERS

TARGET_MS = 250.0
PEOPLE = 100
_AUDIENCE = 1
_ASKED = len(IDENTIFIERS)
#: Seconds within which Ferry must have seen the end of an import job.
_PATIENCE = 30.0
_HOW = f"""\
{PEOPLE} people, one in a message, enter an audience. The time runs from the last answer 202 until the upload with the
last person arrives at the emulator, by the clock of one machine. Ferry: intake, scheduler and one worker process, which
looks up these people's identifiers at Klaviyo in {_ASKED} requests before the upload; each flush begins when the
previous one is settled. The plain way: gunicorn and one `rq worker`, started as its manual says. Rate limits are off;
Klaviyo allows 10 such requests a second and 150 a minute, and the plain way makes one for each person. The rows below
divide the time of further flushes into its steps: Redis reports each of their commands (MONITOR); medians.
A p99 of 60 ms was the aim before Ferry looked people up. What it remembers of them, the look-ups and the claims of
their identifiers are more than half of a delivery's time; the rest are mapping a hundred people, and three processes
that hand over. With all of it, the emulator and Redis on two cores, 60 ms cannot be reached. Look-ups beside each other
would save two of three answers, which take far longer at Klaviyo than at the emulator."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure Ferry's flushes, with those of the plain way in between. Raises BenchError."""
    with (
        emulator(folder) as klaviyo,
        deliveries.ferry(folder, klaviyo.settings) as ferry,
        deliveries.plain_way(folder, klaviyo.settings) as plain,
    ):
        list_id, people = klaviyo.make_list("Bought twice in 90 days"), count()
        ours, theirs = [], []
        for i in range(sizes.flushes + 1):
            ours.append(_settled_flush(ferry, klaviyo, people, list_id).ms)
            if i % (sizes.flushes // sizes.plain_flushes) == 0:
                theirs.append(_flush(plain, klaviyo, people, list_id).ms)
        watch = Watch(ferry.redis)
        watch.begin()
        steps = [traced(watch, ferry, klaviyo, people, list_id)[1] for _ in range(sizes.traced)]
    return Figure("Flush", _HOW, [_row(ours[1:], theirs[1:]), *_step_rows(steps)])


def traced(
    watch: Watch, ferry: Rival, klaviyo: Emulator, people: Iterator[int], list_id: str
) -> tuple[Flushed, list[float]]:
    """Flush a hundred people; return when that happened, and the ms of each step. Raises BenchError."""
    since = klaviyo.last()
    flush = _settled_flush(ferry, klaviyo, people, list_id)
    return flush, steps_ms(watch, flush, klaviyo.lookups(since)[:_ASKED])


def _step_rows(steps: list[list[float]]) -> list[Row]:
    found = zip(STEPS, zip(*steps, strict=True), strict=True)
    return [Row(f"Of it, until {step}", f"{median(ms):.1f} ms", "", Verdict()) for step, ms in found]


def _row(ours: list[float], theirs: list[float]) -> Row:
    p99 = sorted(ours)[min(len(ours) - 1, int(len(ours) * 0.99))]
    return Row(
        f"From the 100th change to the upload, p50 / p99 of {len(ours)}",
        f"{median(ours):.0f} / {p99:.0f} ms",
        f"{median(theirs):,.0f} ms the plain way, median of {len(theirs)}",
        Verdict(f"{median(theirs) / median(ours):.0f}x", f"p99 < {TARGET_MS:g} ms", p99 < TARGET_MS),
    )


def _flush(rival: Rival, klaviyo: Emulator, people: Iterator[int], list_id: str) -> Flushed:
    since, began = klaviyo.last(), time.monotonic()
    accepted = _send(rival.ports[0], people, list_id)
    return Flushed(began, accepted, max(klaviyo.uploads(since, PEOPLE)))


def _settled_flush(ferry: Rival, klaviyo: Emulator, people: Iterator[int], list_id: str) -> Flushed:
    flush = _flush(ferry, klaviyo, people, list_id)
    _settled(ferry)
    return flush


def _send(port: int, people: Iterator[int], list_id: str) -> float:
    """Send a hundred messages; return when the last was answered (monotonic seconds)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
    for _ in range(PEOPLE):
        person = next(people)
        body = message([profile(number(person), _AUDIENCE, list_id, phone(person))], number(person))
        connection.request("POST", PATH, body, headers)
        answer = connection.getresponse()
        accepted = time.monotonic()
        answer.read()
        if answer.status != http.client.ACCEPTED:
            raise BenchError(f"an intake answered {answer.status} instead of 202; see its log")
    connection.close()
    return accepted


def _settled(ferry: Rival) -> None:
    until = time.monotonic() + _PATIENCE
    while deliveries.open_changes(ferry.redis, _AUDIENCE):
        if time.monotonic() > until:
            raise BenchError(f"Ferry did not settle a batch within {_PATIENCE:g} s; see its worker's log")
        time.sleep(0.02)
