"""One queue as its page shows it: pending changes, the next flush, and batches in progress and settled. Pure.

Settled batches are figures and ids, without personal data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from console.pages.act_view import HoldSummary, held
from console.pages.bars import Bar, age_of, size_of
from ops import status_words as words
from ops.eta import Eta, going
from queues.census import Census
from queues.counts import OpenBatch, QueueCount, called
from queues.history.settled import ImportRows, Settled, unfolded
from queues.policy import FlushPolicy
from queues.queue_rows import QueueRow
from text.wording import clock, duration, number, plural, until
from worker.audience.remove import NOT_ON_LIST


@dataclass(frozen=True, slots=True)
class BatchLine:
    """A batch in progress. `taken`: ms; `lasts`: since then, in words. `ring`: what happens to it next, and when.

    `failed`: failed attempts that count; `trouble`: why the last one has to be repeated.
    """

    id: str
    changes: int
    reason: str
    stage: str
    taken: int
    lasts: str
    failed: int
    trouble: str
    ring: str


@dataclass(frozen=True, slots=True)
class QueueView:
    """A queue. `at`, `due`, `uploaded`: ms, by the ledger's clock. `state`: as in the table of queues.

    `due` is None without pending changes or behind a hold, `uploaded` if Klaviyo took no upload yet. `holds`: of its
    connection and its own. `oldest`: how long the oldest change has waited, in words. `next`: what takes the pending
    changes, and when. `letters`: dead letters that are kept. `ledger`: the parts of `accepted`, by name.
    """

    name: str
    id: str
    connection: str
    state: str
    at: int
    trouble: list[str]
    holds: list[HoldSummary]
    size: Bar
    age: Bar | None
    oldest: str
    next: str
    due: int | None
    uploaded: int | None
    batches: list[BatchLine]
    letters: int
    letters_gone: list[str]
    equation: str
    ledger: list[tuple[str, int]]
    accepted: int
    adds_up: bool
    left_out: str
    policy: str


def view(count: QueueCount, census: Census, policy: FlushPolicy) -> QueueView:
    """Return what to show of a queue. `policy`: as configured, for `upload_max`, which the ledger does not keep."""
    alone = replace(census, queues=(count,))
    equation, adds_up = words.equation(alone)
    oldest, is_held = count.waiting.oldest, words.is_held(count, census)
    return QueueView(
        name=called(count),
        id=str(count.queue),
        connection=count.queue.connection,
        state=words.state_of(QueueRow.of(count), census.holds),
        at=census.at,
        trouble=[*words.trouble(census), *words.failing(alone)],
        holds=list(_holds(count, census)),
        size=size_of(count),
        age=age_of(count, census.at),
        oldest="" if oldest is None else duration(census.at - oldest),
        next=_next(count, census, policy),
        due=None if is_held or count.due is None else max(count.due, census.at),
        uploaded=count.landed,
        batches=[_batch(opened, census.at, is_held) for opened in count.batches],
        letters=count.kept,
        letters_gone=words.letters_gone(count),
        equation=equation,
        ledger=[(name, figure) for name, figure in _ledger(count).items() if figure or name != "Imported"],
        accepted=count.accepted,
        adds_up=adds_up,
        left_out=words.left_out(alone),
        policy=policy_told(count, policy),
    )


def policy_told(count: QueueCount, policy: FlushPolicy) -> str:
    """Return when the queue is due, and how much one upload takes, in words."""
    due = f"{plural(count.policy.size, 'change')}, or {duration(count.policy.age_ms)} after the last upload"
    return f"{due} or the oldest change; at most {number(policy.upload_max)} in one upload"


def _ledger(count: QueueCount) -> dict[str, int]:
    return {
        "Pending": count.waiting.pending,
        "Open": count.open,
        "Delivered": count.delivered,
        "Imported": count.imported,
        "Superseded": count.superseded,
        "Dead": count.dead,
    }


def arrives(arrival: Eta | None, pending: int, now: int) -> str:
    """Return `In Klaviyo about 14:05 UTC`, with the number unless all arrive; empty if unknown. `now`: ms."""
    if arrival is None:
        return ""
    # Rounded up to a whole minute, so that the changes have arrived at the time shown.
    at = clock(arrival.at + 59_999, now)
    where = f"{number(arrival.changes)} of {number(pending)} in" if arrival.changes < pending else "In"
    return f"{where} Klaviyo about {at}"


def _holds(count: QueueCount, census: Census) -> Iterator[HoldSummary]:
    name = count.queue.connection
    if name in census.holds:
        yield held(name, census.holds[name], census.at)
    if count.hold:
        yield held(str(count.queue), count.hold, census.at)


def _next(count: QueueCount, census: Census, policy: FlushPolicy) -> str:
    waiting, size = count.waiting, count.policy.size
    if waiting.pending == 0:
        return "No pending changes."
    if words.is_held(count, census):
        return f"{_pending(waiting.pending)}. Nothing is taken until the hold ends."
    fires, when = words.next_flush(count, census)
    more = f"; at once when {number(size - waiting.pending)} more come" if count.trigger == "age" else ""
    return f"{plural(going(count, policy.upload_max), 'change is', 'changes are')} taken {fires}, {when}{more}."


def _pending(pending: int) -> str:
    return plural(pending, "change is pending", "changes are pending")


def _batch(opened: OpenBatch, now: int, is_held: bool) -> BatchLine:
    return BatchLine(
        opened.id,
        opened.count,
        opened.reason,
        opened.stage,
        opened.taken,
        duration(now - opened.taken),
        opened.attempts,
        opened.trouble,
        _ring(opened, now, is_held),
    )


def _ring(opened: OpenBatch, now: int, is_held: bool) -> str:
    when = until(opened.ring, now)
    if opened.held:
        return f"a worker has it; if it stops, another one continues {when}"
    if is_held:
        return "waits for release"
    return f"a worker takes it up {when}"


#: Most import jobs of one batch that are listed.
_JOBS: Final = 5


@dataclass(frozen=True, slots=True)
class UploadLine:
    """A settled batch. `settled`: ms. `reason`: size, age or operator. `took`: from taking to settling, in words.

    `added`, `updated`, `removed`: delivered changes by what the CDP asked for. `missing`: people to remove who were not
    on the list. `rows`: people in its import jobs. `jobs`, `dead`: lines of words. `failed`: failed attempts.
    """

    id: str
    settled: int
    reason: str
    changes: int
    rows: int
    delivered: int
    added: int
    updated: int
    removed: int
    missing: int
    superseded: int
    dead: list[str]
    jobs: list[str]
    took: str
    failed: int


def upload(batch: Settled) -> UploadLine:
    """Return what to show of a settled batch."""
    ends = batch.ends
    died = Counter(ends.dead.values()).most_common()
    done = _delivered_actions(batch)
    return UploadLine(
        batch.id,
        batch.settled,
        batch.reason,
        batch.count,
        sum(len(job.rows) for job in ends.jobs),
        batch.delivered,
        done["add"],
        done["update"],
        done["remove"],
        sum(NOT_ON_LIST in codes for codes in ends.warned.values()),
        len(ends.superseded),
        [f"{number(letters)} {reason}" for reason, letters in died],
        _jobs(ends.jobs),
        duration(batch.settled - batch.taken),
        batch.attempts,
    )


def _delivered_actions(batch: Settled) -> Counter[str]:
    """Return the number of delivered changes by action."""
    ended = {*batch.ends.superseded, *batch.ends.dead}
    facts = unfolded(batch.columns.told)
    return Counter(action for index, (action, *_) in enumerate(facts) if index not in ended)


def _jobs(jobs: tuple[ImportRows, ...]) -> list[str]:
    lines = [_job(job) for job in jobs[:_JOBS]]
    more = len(jobs) - _JOBS
    return [*lines, f"and {plural(more, 'import job')}"] if more > 0 else lines


def _job(job: ImportRows) -> str:
    refused = f", {number(job.failed)} refused" if job.failed else ""
    return f"{job.id}: {plural(len(job.rows), 'person', 'people')}{refused}"
