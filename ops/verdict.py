"""Whether Ferry delivers: one sentence, and a line for each cause that stops it or needs attention. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ops import status_words as words
from ops.cause_words import Cause, held_cause, retry_cause
from ops.holds import HeldPart, held_connections, held_queues, placed_by_person
from ops.stuck import PATIENCE_MS
from queues.census import Census
from queues.counts import OpenBatch, QueueCount, called
from queues.server import rollback
from text.escaping import visible
from text.wording import duration, number, plural, sentence, some

__all__ = ["Cause", "DeliveryVerdict", "judge"]

#: The most names in a sentence.
_NAMED: Final = 3
_SAFE: Final = "Every change is accepted and kept; none is lost."


@dataclass(frozen=True, slots=True)
class DeliveryVerdict:
    """The verdict. `state`: `new` while nothing was ever accepted, else the worst of the causes, or `ok`.

    `title`: a few words without a full stop; `detail`: what is true besides, in sentences.
    """

    state: Literal["new", "ok", "warn", "bad"]
    title: str
    detail: str
    causes: tuple[Cause, ...]

    @property
    def sentence(self) -> str:
        """Title and detail as one text."""
        return f"{self.title}. {self.detail}"


def judge(census: Census) -> DeliveryVerdict:
    """Return the verdict; its causes are in the order of their weight."""
    found = [
        *_ledger(census),
        *_processes(census),
        *_holds(census),
        *_retries(census),
        *_late(census),
        *_letters(census),
    ]
    causes = tuple(sorted(found, key=lambda cause: (cause.state != "bad", cause.kind == "person")))
    if any(cause.state == "bad" for cause in causes):
        return DeliveryVerdict("bad", _stopped(census), _others(census), causes)
    if causes:
        attention = plural(len(causes), "thing needs", "things need")
        delayed = any(cause.kind in ("retry", "late") for cause in causes)
        title = "Deliveries are delayed" if delayed else "Ferry delivers"
        return DeliveryVerdict("warn", f"{title}; {attention} attention", _pending(census), causes)
    if not census.totals.all.queues:
        return DeliveryVerdict("new", "Ready for the first change", "No change was accepted yet.", ())
    return DeliveryVerdict("ok", "All well", _pending(census), ())


def _stopped(census: Census) -> str:
    if census.heartbeat is None or not census.workers:
        return "Delivery is stopped"
    connections = [each.name for each in held_connections(census) if each.stops]
    queues = [each.name for each in held_queues(census) if each.stops]
    if len(connections) > _NAMED:
        connections = [plural(len(connections), "connection")]
    if len(queues) > 1:
        queues = [plural(len(queues), "queue")]
    stopped = " and ".join(filter(None, (some(connections, _NAMED), *queues)))
    return f"Delivery is stopped for {stopped}" if stopped else "The ledger is not complete"


def _others(census: Census) -> str:
    """Return which connections still deliver, and that nothing is lost, unless the ledger says otherwise."""
    if census.fall is not None or census.totals.all.missing:
        return "The causes say what to do."
    free = sorted(census.totals.connections - census.holds.keys())
    running = census.heartbeat is not None and census.workers
    if not (running and free and any(each.stops for each in held_connections(census))):
        return _SAFE
    return f"{some(free, _NAMED)} {'delivers' if len(free) == 1 else 'deliver'}. {_SAFE}"


def _pending(census: Census) -> str:
    total = census.totals.all
    if total.oldest is None:
        return "No changes are pending."
    pending = plural(total.pending, "change is", "changes are")
    return f"{pending} pending, the oldest for {duration(census.at - total.oldest)}."


def _ledger(census: Census) -> Iterator[Cause]:
    if census.fall is not None:
        yield Cause("bad", "ledger", sentence(str(census.fall)), then=rollback.REMEDY)
    if census.totals.all.missing:
        missing = plural(census.totals.all.missing, "change is", "changes are")
        where = some([called(count) for count in census.queues if count.missing], _NAMED)
        then = "This is a defect in Ferry: keep the data, and report it with `ferry status --json`."
        yield Cause("bad", "ledger", f"{missing} unaccounted for in {where}", then=then)


def _processes(census: Census) -> Iterator[Cause]:
    start = "Start `ferry scheduler` or `ferry up`."
    if census.heartbeat is None:
        title = "No scheduler ran within the last minute"
        yield Cause("bad", "process", title, figures="no batches start", then=start)
    elif census.at - census.heartbeat > words.LATE_TICK_MS:
        late = f"it ticked {duration(census.at - census.heartbeat)} ago"
        yield Cause("warn", "process", "The scheduler is late", figures=late, then="Check its log.")
    if not census.workers:
        then = start.replace("scheduler", "worker")
        yield Cause("bad", "process", "No worker is running", figures="nothing is delivered", then=then)
    for machine, off in sorted(census.clocks.items()):
        then = "Ferry goes by Redis's clock meanwhile. Set the machine's clock, with NTP."
        yield Cause("warn", "process", f"The clock of {visible(machine)} is off", words.clock_off(off), then)


def _holds(census: Census) -> Iterator[Cause]:
    """Yield a cause for each reason, however many connections or queues it holds; one for many reasons of people."""
    for held, one, many in (
        (held_connections(census), "connection", "connections"),
        (held_queues(census), "queue", "queues"),
    ):
        by_reason: defaultdict[str, list[HeldPart]] = defaultdict(list)
        for each in held:
            by_reason[each.hold.reason].append(each)
        for alike in _folded(list(by_reason.values())):
            names = alike[0].name if len(alike) == 1 else plural(len(alike), one, many)
            yield _hold(alike, names, census)


def _folded(found: Sequence[list[HeldPart]]) -> Sequence[list[HeldPart]]:
    """Fold what people hold into one part if they give more than a few reasons."""
    by_people = [alike for alike in found if placed_by_person(alike[0].hold)]
    if len(by_people) <= _NAMED:
        return found
    others = [alike for alike in found if alike not in by_people]
    return [*others, [each for alike in by_people for each in alike]]


def _hold(alike: Sequence[HeldPart], names: str, census: Census) -> Cause:
    changes, queues = sum(each.changes for each in alike), sum(each.figures.queues for each in alike)
    of = f"{plural(queues, 'queue')}, " if queues > len(alike) else ""
    return held_cause(
        [each.hold for each in alike],
        names,
        census.at,
        figures=f"{of}{plural(changes, 'change waits', 'changes wait')}",
        on=alike[0].on if len(alike) == 1 else "",
        stops=any(each.stops for each in alike),
        next_check=census.next_check,
    )


def _retries(census: Census) -> Iterator[Cause]:
    """Yield a cause for each fault; held queues have their own cause."""
    by_fault: defaultdict[str, list[tuple[QueueCount, OpenBatch]]] = defaultdict(list)
    for count in census.queues:
        for opened in count.batches if not words.is_held(count, census) else ():
            if words.failed(opened):
                by_fault[opened.trouble].append((count, opened))
    for fault, failed in sorted(by_fault.items()):
        yield retry_cause(fault, failed, census.at)


def _late(census: Census) -> Iterator[Cause]:
    """Yield a cause if changes are over their queue's age although nothing is known to stop them."""
    if census.heartbeat is None or not census.workers:
        return
    free = (count for count in census.queues if not words.is_held(count, census))
    over = [(late, count) for count in free if (late := _over(count, census.at)) > PATIENCE_MS]
    if over:
        late = max(late for late, _ in over)
        where = called(over[0][1]) if len(over) == 1 else plural(len(over), "queue")
        then = "Add workers, or see the log of the workers."
        yield Cause("warn", "late", f"Changes of {where} are late", figures=f"by up to {duration(late)}", then=then)


def _over(count: QueueCount, now: int) -> int:
    """Return the ms for which the oldest change is over the queue's age; 0 if none is, or if its batches fail."""
    if count.waiting.oldest is None or any(words.failed(batch) for batch in count.batches):
        return 0
    return max(0, now - count.waiting.oldest - count.policy.age_ms)


def _letters(census: Census) -> Iterator[Cause]:
    total = census.totals.all
    if total.keeping:
        kept = plural(total.kept, "dead letter")
        named = [called(count) for count in census.queues if count.kept]
        where = named[0] if total.keeping == len(named) == 1 else f"{number(total.keeping)} queues"
        command = "`ferry dead list` shows the reasons and the remedies."
        then = "They are kept, and can be replayed."
        yield Cause("warn", "letters", f"{kept} in {where}", then=then, command=command)
