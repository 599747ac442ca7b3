"""Whether Ferry delivers: one sentence, and a line for each cause that stops it or needs attention. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ops import status_words as words
from ops.holds import placed_by_person
from queues.census import Census
from queues.counts import OpenBatch, called
from queues.figures import Figures
from queues.holds import Hold
from queues.server import rollback
from text.escaping import visible
from text.wording import number, plural, sentence, span, without_people

#: The lateness of a tick that needs attention, in ms; ticks come every two seconds.
_LATE_MS: Final = 15_000
_SAFE: Final = "Every change is accepted and kept; none is lost."


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause. `state`: bad if it stops deliveries or changes are missing. `remedy`: what to do, or what Ferry does."""

    state: Literal["warn", "bad"]
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class DeliveryVerdict:
    """The verdict. `state`: `new` while nothing was ever accepted, else the worst of the causes, or `ok`."""

    state: Literal["new", "ok", "warn", "bad"]
    sentence: str
    causes: tuple[Cause, ...]


def judge(census: Census) -> DeliveryVerdict:
    """Return the verdict; its causes are in the order of their weight."""
    found = [*_ledger(census), *_processes(census), *_holds(census), *_retries(census), *_letters(census)]
    causes = tuple(sorted(found, key=lambda cause: cause.state != "bad"))
    if any(cause.state == "bad" for cause in causes):
        return DeliveryVerdict("bad", _stopped(census), causes)
    if causes:
        attention = plural(len(causes), "thing needs", "things need")
        return DeliveryVerdict("warn", f"Ferry delivers; {attention} attention.", causes)
    if not census.totals.all.queues:
        return DeliveryVerdict("new", "Ready for the first change: none was accepted yet.", ())
    return DeliveryVerdict("ok", f"All well. {_pending(census)}", ())


def _stopped(census: Census) -> str:
    if census.heartbeat is None or not census.workers:
        return f"Delivery is stopped. {_SAFE}"
    connections = [each.name for each in _held_connections(census) if each.stops]
    queues = [each.name for each in _held_queues(census) if each.stops]
    if len(queues) > 1:
        queues = [plural(len(queues), "queue")]
    stopped = " and ".join(filter(None, (_some(connections), *queues)))
    return f"Delivery is stopped for {stopped}. {_SAFE}" if stopped else "The ledger is not complete."


def _pending(census: Census) -> str:
    total = census.totals.all
    if total.oldest is None:
        return "No changes are pending."
    pending = plural(total.pending, "change is", "changes are")
    return f"{pending} pending, the oldest for {span(census.at - total.oldest)}."


def _ledger(census: Census) -> Iterator[Cause]:
    if census.fall is not None:
        yield Cause("bad", f"{sentence(str(census.fall))}.", rollback.REMEDY)
    if census.totals.all.missing:
        missing = plural(census.totals.all.missing, "change is", "changes are")
        where = _some([called(count) for count in census.queues if count.missing])
        remedy = "This is a defect in Ferry: keep the data, and report it with `ferry status --json`."
        yield Cause("bad", f"{missing} unaccounted for in {where}.", remedy)


def _processes(census: Census) -> Iterator[Cause]:
    if census.heartbeat is None:
        text = "No scheduler ran within the last minute: no batches start."
        yield Cause("bad", text, "Start `ferry scheduler` or `ferry up`.")
    elif census.at - census.heartbeat > _LATE_MS:
        yield Cause("warn", f"The scheduler is late: it {words.scheduler(census)}.", "Check its log.")
    if not census.workers:
        yield Cause("bad", "No worker is running: nothing is delivered.", "Start `ferry worker` or `ferry up`.")


@dataclass(frozen=True, slots=True)
class _Held:
    on: str
    name: str
    hold: Hold
    figures: Figures

    @property
    def changes(self) -> int:
        return self.figures.pending + self.figures.open

    @property
    def stops(self) -> bool:
        return not placed_by_person(self.hold) and self.changes > 0


def _held_connections(census: Census) -> list[_Held]:
    return [_Held(name, name, hold, census.totals.of_connection(name)) for name, hold in sorted(census.holds.items())]


def _held_queues(census: Census) -> list[_Held]:
    free = (count for count in census.queues if count.queue.connection not in census.holds)
    return [_Held(str(count.queue), called(count), count.hold, Figures.of(count)) for count in free if count.hold]


def _holds(census: Census) -> Iterator[Cause]:
    """Yield a cause for each reason, however many connections or queues it holds."""
    for held, one, many in (
        (_held_connections(census), "connection", "connections"),
        (_held_queues(census), "queue", "queues"),
    ):
        by_reason: defaultdict[str, list[_Held]] = defaultdict(list)
        for each in held:
            by_reason[each.hold.reason].append(each)
        for alike in by_reason.values():
            names = alike[0].name if len(alike) == 1 else plural(len(alike), one, many)
            yield _hold(alike, names, census.at)


def _hold(alike: Sequence[_Held], names: str, now: int) -> Cause:
    hold, changes = alike[0].hold, sum(each.changes for each in alike)
    queues = sum(each.figures.queues for each in alike)
    verb = "is" if len(alike) == 1 else "are"
    since = span(now - min(each.hold.since for each in alike))
    of = f"{plural(queues, 'queue')}, " if queues > len(alike) else ""
    wait = f"{of}{plural(changes, 'change waits', 'changes wait')}"
    text = f"{names} {verb} held for {since} ({visible(without_people(hold.reason))}): {wait}."
    if len(alike) == 1:
        remedy = f"{words.what_to_do(hold)} To release it: ferry release {alike[0].on}"
    else:
        same = len({words.what_to_do(each.hold) for each in alike}) == 1
        remedy = f"{words.what_to_do(hold)} `ferry holds` lists them." if same else "`ferry holds` lists them."
    return Cause("bad" if any(each.stops for each in alike) else "warn", text, remedy)


def _retries(census: Census) -> Iterator[Cause]:
    """Yield a cause for each fault; held queues have their own cause."""
    by_fault: defaultdict[str, list[OpenBatch]] = defaultdict(list)
    for count in census.queues:
        for opened in count.batches if not words.is_held(count, census) else ():
            if words.failed(opened):
                by_fault[opened.trouble].append(opened)
    for fault, batches in sorted(by_fault.items()):
        delayed = span(census.at - min(opened.taken for opened in batches))
        failed = plural(len(batches), "batch fails", "batches fail")
        changes = plural(sum(opened.count for opened in batches), "change")
        remedy = "Ferry retries automatically. If it continues, check status.klaviyo.com and `ferry doctor`."
        yield Cause("warn", f"{failed} with {visible(fault)}: {changes}, delayed by {delayed}.", remedy)


def _letters(census: Census) -> Iterator[Cause]:
    total = census.totals.all
    if total.keeping:
        kept = plural(total.kept, "dead letter")
        named = [called(count) for count in census.queues if count.kept]
        where = named[0] if total.keeping == len(named) == 1 else f"{number(total.keeping)} queues"
        yield Cause("warn", f"{kept} in {where}.", "`ferry dead list` shows the reasons and the remedies.")


def _some(names: Sequence[str], most: int = 3) -> str:
    """Return names as words: `a, b and 4 more`."""
    shown, more = names[:most], len(names) - most
    return ", ".join(shown) + (f" and {number(more)} more" if more > 0 else "")
