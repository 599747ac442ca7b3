"""The census as a person reads it. Pure: renderables, printed elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ops.output import table
from ops.wording import called, number, plural, span
from queues.census import Census
from queues.counts import OpenBatch, QueueCount
from queues.holds import Hold

#: A tick that is this late (ms) deserves a look; ticks come every two seconds.
_LATE_MS = 15_000


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
            _delivered(count, census.at),
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
    if count.hold or count.queue.connection in census.holds:
        return Text("held", style="bold red")
    due = count.due
    if due is None:
        return Text("-", style="dim")
    when = f"in {span(due - census.at)}" if due > census.at else "now"
    return _two(f"by {count.trigger}", when)


def _open(count: QueueCount, now: int) -> Text:
    if not count.batches:
        return Text(number(count.open) if count.open else "-", style="" if count.open else "dim")
    lines = [_batch(batch, now) for batch in count.batches[:3]]
    if len(count.batches) > 3:
        lines.append(f"and {plural(len(count.batches) - 3, 'batch', 'batches')}")
    return _two(number(count.open), "\n".join(lines))


def _batch(batch: OpenBatch, now: int) -> str:
    tries = f", try {batch.attempts + 1}" if batch.attempts else ""
    return f"{batch.stage} {span(now - batch.taken)}{tries}"


def _delivered(count: QueueCount, now: int) -> Text:
    lines = []
    if count.superseded:
        lines.append(f"+{number(count.superseded)} superseded")
    if count.waiting.uploaded is not None:
        lines.append(f"{span(now - count.waiting.uploaded)} ago")
    return _two(number(count.delivered), "\n".join(lines))


def _dead(count: QueueCount) -> Text:
    gone = {"purged": count.dead - count.kept - count.evicted, "evicted": count.evicted}
    lines = "".join(f"\n+{number(letters)} {how}" for how, letters in gone.items() if letters)
    return Text.assemble((number(count.kept), "red" if count.kept else ""), (lines, "dim"))


def _trouble(census: Census) -> Iterator[RenderableType]:
    held = {**census.holds, **{str(count.queue): count.hold for count in census.queues if count.hold}}
    if held:
        yield _holds(held, census.at)
        yield Text("Let one go on with: ferry release NAME\n")
    if census.heartbeat is None:
        waits = "No scheduler ticked within the last minute: nothing is taken. Start `ferry scheduler` or `ferry up`."
        yield Text(waits, style="bold red")
    elif census.at - census.heartbeat > _LATE_MS:
        yield Text("The scheduler is late: see its log.", style="bold red")
    if not census.workers:
        yield Text("No worker listens: nothing is delivered. Start `ferry worker` or `ferry up`.", style="bold red")


def _holds(held: dict[str, Hold], now: int) -> Table:
    made = table("Held", "For", "Reason", "What to do")
    for name, hold in held.items():
        made.add_row(name, span(now - hold.since), hold.reason, _what_to_do(hold))
    return made


def _what_to_do(hold: Hold) -> str:
    ends = "Ends by itself when the cause is gone." if hold.probed else ""
    return " ".join(filter(None, (hold.resolve, ends))) or "wait for who holds it"


def _left_out(census: Census) -> Iterator[RenderableType]:
    found: Counter[str] = Counter()
    for count in census.queues:
        found.update(count.left_out)
    if found:
        told = ", ".join(f"{code} {number(people)}" for code, people in found.most_common())
        yield Text(f"Delivered with something left out, and so many people: {told}.")


def _processes(census: Census) -> Text:
    beat = "none" if census.heartbeat is None else f"ticked {span(census.at - census.heartbeat)} ago"
    states = list(census.workers.values())
    workers = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states))) or "none"
    return Text(f"Scheduler: {beat}. Workers: {workers}.")


def _equation(census: Census) -> Text:
    counts = census.queues
    pending, opened = sum(c.waiting.pending for c in counts), sum(c.open for c in counts)
    parts = [
        f"{number(pending)} pending",
        f"{number(opened)} open",
        f"{number(sum(c.delivered for c in counts))} delivered",
        f"{number(sum(c.dead for c in counts))} dead",
        f"{number(sum(c.superseded for c in counts))} superseded",
    ]
    text = f"{number(sum(c.accepted for c in counts))} accepted = " + " + ".join(parts)
    wrong = [str(count.queue) for count in counts if count.missing]
    if not wrong:
        return Text(text)
    return Text(f"{text}: DOES NOT ADD UP in {', '.join(wrong)}; this is a fault of Ferry's", style="bold red")
