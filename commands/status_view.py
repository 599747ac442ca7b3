"""What `ferry status` prints: the verdict and its causes, then the queues, then the totals. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.text import Text

from ops import status_words as words
from ops.status_rows import RowChoice
from ops.unbroken import StackedTable, UnbrokenText
from ops.verdict import Cause, judge
from queues.census import Census
from queues.counts import QueueCount, called
from queues.queue_rows import QueueRow
from text.wording import duration, number, plural, until

#: Most causes that are listed.
CAUSES: Final = 10
#: Open batches of a queue that are described.
_BATCHES: Final = 3
_STYLES: Final = {"new": "bold", "ok": "bold green", "warn": "bold yellow", "bad": "bold red"}
_MARKS: Final = {"warn": "- ", "bad": "! "}


def view(census: Census, choice: RowChoice) -> RenderableType:
    """Return everything that is printed once. Fits into 80 columns."""
    rows = choice.rows(census)
    return Group(
        *_verdict(census),
        Text(),
        *_table(rows, choice, census),
        *(UnbrokenText(line) for line in (words.left_out(census), words.shared(census)) if line),
        *_totals(census),
    )


def fitting(census: Census, choice: RowChoice, out: Console) -> RenderableType:
    """Return what fits on the screen: the verdict, each cause on one line, as many queues as possible, the totals."""
    rows = choice.rows(census)
    # A queue takes at least two lines.
    shown = min(len(rows), out.height // 2)
    while True:
        made = _brief(rows[:shown], choice, census, out.height)
        lines = len(out.render_lines(made, pad=False))
        if not shown or lines < out.height:
            return made
        shown = min(shown - 1, shown * out.height // lines)


def _brief(rows: Sequence[QueueCount], choice: RowChoice, census: Census, height: int) -> RenderableType:
    return Group(*_verdict(census, most=max(1, height // 3)), Text(), *_table(rows, choice, census), *_totals(census))


def _verdict(census: Census, most: int | None = None) -> Iterator[RenderableType]:
    """Yield the sentence and the causes. `most`: as many, each on one line; None: whole."""
    verdict = judge(census)
    yield UnbrokenText(verdict.sentence, _STYLES[verdict.state])
    shown = verdict.causes[: most or CAUSES]
    yield from ((_whole if most is None else _line)(cause, census.at) for cause in shown)
    if more := len(verdict.causes) - len(shown):
        yield Text(f"  and {plural(more, 'more cause')}: `ferry status`, `ferry holds`", style="dim")


def _whole(cause: Cause, now: int) -> RenderableType:
    text = UnbrokenText(_MARKS[cause.state] + cause.text, _STYLES[cause.state])
    return Group(text, UnbrokenText(_remedy(cause, now), indent=2))


def _line(cause: Cause, now: int) -> Text:
    text = Text.assemble((_MARKS[cause.state] + cause.text, _STYLES[cause.state]), " ", _remedy(cause, now))
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _remedy(cause: Cause, now: int) -> str:
    check = "" if cause.check is None else f"Next check {until(cause.check, now)}."
    return " ".join(filter(None, (cause.then, check, cause.command)))


def _table(rows: Sequence[QueueCount], choice: RowChoice, census: Census) -> Iterator[RenderableType]:
    every = census.totals.all.queues
    if not every:
        yield Text("No queues yet: Ferry has accepted no changes.")
        return
    if rows:
        made = StackedTable("Queue", "Pending", "Next flush", "Open", "Delivered", "Dead", right=("Delivered", "Dead"))
        for count in rows:
            made.add_row(_cells(count, census), str(count.queue), "; ".join(_details(count, census)))
        yield made
    if len(rows) < every:
        yield UnbrokenText(_others(len(rows), choice, census), "dim")
    yield Text()


def _others(shown: int, choice: RowChoice, census: Census) -> str:
    matching = choice.matching(census)
    of = f" {choice.state}" if choice.state else ""
    if shown == matching:
        return f"{plural(shown, f'queue is{of}', f'queues are{of}')}, of {number(census.totals.all.queues)}."
    first = "" if choice.sort else ", the most urgent"
    return (
        f"{number(shown)} of {number(matching)}{of} queues shown{first}. --state, --sort and --limit choose others; "
        "--json prints all."
    )


def _cells(count: QueueCount, census: Census) -> list[str | Text]:
    return [
        called(count),
        f"{number(count.waiting.pending)}/{number(count.policy.size)}",
        _next_flush(count, census),
        Text(number(count.open)) if count.open else Text("-", style="dim"),
        number(count.delivered),
        Text(number(count.kept), style="red" if count.kept else ""),
    ]


def _next_flush(count: QueueCount, census: Census) -> Text:
    state = words.state_of(QueueRow.of(count), census.holds)
    if state in ("blocked", "held"):
        return Text(state, style="bold red")
    if count.due is None:
        return Text("-", style="dim")
    return Text(until(count.due, census.at))


def _details(count: QueueCount, census: Census) -> Iterator[str]:
    trigger, when = words.next_flush(count, census)
    oldest = count.waiting.oldest
    parts = [f"oldest {duration(census.at - oldest)}"] if oldest is not None else []
    if trigger and not words.is_held(count, census):
        parts.append(trigger if when.startswith(("in ", "now")) else f"{trigger} {when}")
    if parts:
        yield ", ".join(parts)
    yield from (words.batch(batch, census.at) for batch in count.batches[:_BATCHES])
    if len(count.batches) > _BATCHES:
        yield f"and {plural(len(count.batches) - _BATCHES, 'batch', 'batches')}"
    more = words.delivered_more(count, census.at)
    if count.landed is not None:
        more[-1] = f"last upload {more[-1]}"
    if more:
        yield ", ".join(more)
    if gone := words.letters_gone(count):
        yield ", ".join(gone)


def _totals(census: Census) -> Iterator[RenderableType]:
    yield Text(f"Scheduler: {words.scheduler(census)}. Workers: {words.workers(census)}.")
    text, adds_up = words.equation(census)
    yield UnbrokenText(text, "" if adds_up else "bold red")
