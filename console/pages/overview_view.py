"""The content of the first page besides the queue table: verdict, causes, tiles and the last day. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from alerts.rules import key_remedy, key_sentence
from console.pages.bars import Bar
from console.pages.connections_view import UseLine, limits
from console.pages.day_chart import DayChart, day_chart
from console.pages.overview_read import OverviewData
from ops import status_words as words
from ops.cause_words import Cause
from ops.verdict import judge
from queues.census import Census
from text.wording import duration, number, plural, sentence

#: Most causes listed: one for each reason, so that more are rare.
_CAUSES: Final = 6
#: Percent of a queue's age, and of a limit, from which on a tile warns.
_NEAR: Final = 80


@dataclass(frozen=True, slots=True)
class CauseLine:
    """A cause. `address` and `label`: what to press, for users who may act or for all; empty if nothing helps.

    `check`: the ms of the next automatic check, None if there is none.
    """

    state: str
    title: str
    since: int | None
    detail: str
    check: int | None
    address: str
    label: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure. `parts`: numbers and units in turns. `context`: one line below. `bar`: of a limit, if there is one."""

    caption: str
    parts: list[str]
    context: str
    address: str
    state: str = ""
    bar: Bar | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the page but the table. `at`: ms, by the ledger's clock.

    `is_first`: nothing was ever accepted. `state`: new, ok, warn or bad. `keys`: a line for each key that a message
    changed, or tried to change. `more`: causes that are not listed.
    """

    at: int
    is_first: bool
    state: str
    title: str
    detail: str
    causes: list[CauseLine]
    more: int
    keys: list[str]
    tiles: list[Tile]
    chart: DayChart
    equation: str
    adds_up: bool
    notes: list[str]
    processes: str


def overview(reading: OverviewData) -> Overview:
    """Return what to show."""
    census = reading.census
    verdict = judge(census)
    equation, adds_up = words.equation(census)
    lines = [_cause(each) for each in verdict.causes]
    chart = day_chart(reading.hours)
    return Overview(
        at=census.at,
        is_first=not census.totals.all.queues,
        state=verdict.state,
        title=verdict.title,
        detail=verdict.detail,
        causes=lines[:_CAUSES],
        more=len(lines[_CAUSES:]),
        keys=[f"{key_sentence(each)}. {key_remedy(each)}" for each in reading.key_changes],
        tiles=list(_tiles(reading, chart)),
        chart=chart,
        equation=equation,
        adds_up=adds_up,
        notes=[note for note in (words.left_out(census), words.shared(census)) if note],
        processes=f"Scheduler: {words.scheduler(census)}. Workers: {words.workers(census)}.",
    )


def _cause(cause: Cause) -> CauseLine:
    address, label = _act(cause)
    figures = f"{sentence(cause.figures)}." if cause.figures else ""
    # Without a button, what to type is the only remedy.
    then = cause.then if address else cause.remedy
    return CauseLine(
        cause.state,
        cause.title,
        cause.since,
        " ".join(filter(None, (figures, then))),
        cause.check,
        address,
        label,
    )


def _act(cause: Cause) -> tuple[str, str]:
    """Return the address and the label of what mends a cause; empty if that is not on a page."""
    queue = f"/queues/{cause.on}" if "/" in cause.on else ""
    match cause.kind:
        case "guard" | "person" if cause.on:
            place = queue or f"/connections/{quote(cause.on)}"
            return f"{place}/release?next=/", "Review" if cause.kind == "guard" else "Release…"
        case "hold" | "guard" | "person":
            return "/holds", "Resolve"
        case "retry":
            return queue or "/retries", "Details"
        case "late":
            return "/?sort=oldest", "Show"
        case "letters":
            return "/dead", "View"
        case _:
            return "", ""


def _tiles(reading: OverviewData, chart: DayChart) -> Sequence[Tile]:
    census, total = reading.census, reading.census.totals.all
    delayed = total.failing
    where = f"in {number(total.filled)} of {plural(total.queues, 'queue')}"
    new = f"{number(chart.dead)} new in 24 h" if chart.dead else "none new in 24 h"
    return [
        Tile("Pending", [number(total.pending)], where, "/?sort=pending"),
        Tile(
            "In delivery",
            [number(total.open)],
            plural(total.batches, "batch", "batches") + (f", {number(delayed)} delayed" if delayed else ""),
            "/?state=failing" if delayed else "/?state=delivering",
            "warn" if delayed else "",
        ),
        Tile("Delivered 24 h", [number(chart.delivered)], f"{number(total.delivered)} in total", "/"),
        Tile("Dead letters", [number(total.kept)], new, "/dead", "bad" if total.kept else ""),
        _oldest(census),
        _limit(limits(reading.connections)),
    ]


def _oldest(census: Census) -> Tile:
    count = next((each for each in census.queues if each.queue == census.totals.oldest), None)
    if count is None or count.waiting.oldest is None:
        return Tile("Oldest change", ["0", "s"], "nothing is pending", "/?sort=oldest")
    waited, age = census.at - count.waiting.oldest, count.policy.age_ms
    parts = [part for part in duration(waited).split("\u00a0") if part]
    state = "bad" if waited > age else "warn" if 100 * waited > _NEAR * age and words.is_held(count, census) else ""
    bar = Bar(min(waited, age), age, f"{duration(waited)} of {duration(age)}")
    context = f"of {duration(age)} · {count.queue.connection}"
    return Tile("Oldest change", parts, context, "/?sort=oldest", state, bar)


def _limit(lines: Sequence[UseLine]) -> Tile:
    if not lines:
        return Tile("Klaviyo limit", ["0", "%"], "no requests lately", "/connections")
    fullest = max(lines, key=lambda line: line.used.share)
    percent = 100 * fullest.used.filled // fullest.used.full
    context = f"{fullest.endpoint} · {fullest.account}"
    paused = next((line for line in lines if line.paused), None)
    if paused:
        context = f"paused {paused.paused}: {paused.endpoint}"
    state = "warn" if paused or percent >= _NEAR else ""
    return Tile("Klaviyo limit", [str(percent), "%"], context, "/connections", state, fullest.used)
