"""The census as a person reads it. Pure: renderables, printed elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from escaping import visible
from ops import status_words as words
from ops.output import table
from queues.census import Census
from queues.counts import QueueCount
from queues.holds import Hold
from wording import called, number, plural, span


def view(census: Census) -> RenderableType:
    """Queues, what is wrong, and the sum of it all. Fits into 80 columns."""
    return Group(_queues(census), Text(), *_trouble(census), *_left_out(census), _processes(census), _equation(census))


def _queues(census: Census) -> RenderableType:
    if not census.queues:
        return Text("No queue yet: nothing was ever accepted.")
    made = table("Queue", "Pending", "Next flush", "Open", "Delivered", "Dead", right=("Delivered", "Dead"))
    for count in census.queues:
        made.add_row(
            _two(called(count), str(count.queue)),
            _pending(count, census.at),
            _next_flush(count, census),
            _open(count, census.at),
            _two(number(count.delivered), "\n".join(words.delivered_more(count, census.at))),
            _dead(count),
        )
    return made


def _two(first: str, second: str = "") -> Text:
    return Text.assemble(first, ("\n" + second if second else "", "dim"))


def _pending(count: QueueCount, now: int) -> Text:
    oldest = count.waiting.oldest
    filled = f"{number(count.waiting.pending)}/{number(count.policy.size)}"
    return _two(filled, "" if oldest is None else f"{span(now - oldest)} old")


def _next_flush(count: QueueCount, census: Census) -> Text:
    if words.is_held(count, census):
        return Text("held", style="bold red")
    fires, when = words.next_flush(count, census)
    return _two(fires, when) if fires else Text("-", style="dim")


def _open(count: QueueCount, now: int) -> Text:
    if not count.batches:
        return Text(number(count.open) if count.open else "-", style="" if count.open else "dim")
    lines = [words.batch(batch, now) for batch in count.batches[:3]]
    if len(count.batches) > 3:
        lines.append(f"and {plural(len(count.batches) - 3, 'batch', 'batches')}")
    return _two(number(count.open), "\n".join(lines))


def _dead(count: QueueCount) -> Text:
    lines = "".join(f"\n{gone}" for gone in words.letters_gone(count))
    return Text.assemble((number(count.kept), "red" if count.kept else ""), (lines, "dim"))


def _trouble(census: Census) -> Iterator[RenderableType]:
    held = {**census.holds, **{str(count.queue): count.hold for count in census.queues if count.hold}}
    if held:
        yield _holds(held, census.at)
        yield Text("Let one go on with: ferry release NAME\n")
    for told in (*words.trouble(census), *words.failing(census)):
        yield Text(told, style="bold red")


def _holds(held: dict[str, Hold], now: int) -> Table:
    made = table("Held", "For", "Reason", "What to do")
    for name, hold in held.items():
        made.add_row(name, span(now - hold.since), visible(hold.reason), words.what_to_do(hold))
    return made


def _left_out(census: Census) -> Iterator[RenderableType]:
    yield from (Text(told) for told in (words.left_out(census), words.shared(census)) if told)


def _processes(census: Census) -> Text:
    return Text(f"Scheduler: {words.scheduler(census)}. Workers: {words.workers(census)}.")


def _equation(census: Census) -> Text:
    text, adds_up = words.equation(census)
    return Text(text, style="" if adds_up else "bold red")
