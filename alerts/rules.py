"""The rules, which derive alerts from facts and limits: for processes and their services, and for queues. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from alerts.facts import LASTS_MS, Facts, RecentOutcomes
from alerts.rules_of_queries import of_query
from configuration.alerts import Limits
from klaviyo.revision import RETIRED, REVISION
from queues import undecided_erasures
from queues.alerts import Alert
from queues.connections.key_changes import KeyChange, describe
from queues.counts import QueueCount
from queues.holds import Hold
from queues.names import Queue
from queues.server import rollback
from queues.snapshots.comparisons import Differing
from queues.undecided_erasures import UndecidedErasures
from text.wording import day, duration, plural, sentence, without_people

MINUTE_MS: Final = 60_000
#: Settled changes below which a percentage means nothing: one dead letter of three changes would be an alert.
ENOUGH: Final = 100


def of_processes(facts: Facts, limits: Limits) -> Iterator[Alert]:
    """Yield the alerts that concern no single queue."""
    now = facts.census.at
    yield from _scheduler(now - facts.scheduler, limits)
    yield from _worker(now - facts.worker, limits)
    yield from _memory(facts, limits)
    yield from _contents(facts, limits)
    yield from _revision(datetime.fromtimestamp(now / 1000, UTC).date(), limits)


def _scheduler(silent: int, limits: Limits) -> Iterator[Alert]:
    if silent > limits.scheduler_silent_minutes * MINUTE_MS:
        text = f"No scheduler has ticked for {duration(silent)}: nothing is taken from the queues"
        remedy = "Start `ferry scheduler`; if it is running, see its log."
        yield Alert("scheduler_silent", "scheduler_silent_minutes", "scheduler", text, remedy)


def _worker(missing: int, limits: Limits) -> Iterator[Alert]:
    if missing > limits.no_worker_minutes * MINUTE_MS:
        text = f"No worker has listened for {duration(missing)}: nothing is delivered"
        remedy = "Start `ferry worker`; if it is running, see its log."
        yield Alert("no_worker", "no_worker_minutes", "worker", text, remedy)


def _memory(facts: Facts, limits: Limits) -> Iterator[Alert]:
    used, most = facts.memory_used, facts.memory_most
    if used * 100 > limits.redis_memory_percent * most > 0:
        text = (
            f"Redis uses {used * 100 // most} % of its memory ({used / 1e6:.0f} MB of {most / 1e6:.0f} MB), "
            f"more than {limits.redis_memory_percent} %"
        )
        remedy = (
            "Raise maxmemory, or let the queues drain. From 80 % on, Ferry remembers nothing new about people and "
            "looks them up at Klaviyo each time; from 90 % on, it answers senders with 503."
        )
        yield Alert("redis_memory", "redis_memory_percent", "redis", text, remedy)


def _contents(facts: Facts, limits: Limits) -> Iterator[Alert]:
    """Yield the alert of a ledger that was emptied or went back in time, until it is acknowledged."""
    if limits.ledger_rolled_back and (fall := facts.census.fall):
        yield Alert("ledger_rolled_back", "ledger_rolled_back", "redis", sentence(str(fall)), rollback.REMEDY)


def _revision(today: date, limits: Limits) -> Iterator[Alert]:
    """Yield the alert of a retiring revision: it lasts two years (klaviyo/revision.py), and no header warns."""
    if today >= date.fromisoformat(RETIRED) - timedelta(days=limits.revision_days):
        text = f"Klaviyo retires revision {REVISION}, which this version of Ferry uses, on {RETIRED}"
        yield Alert("revision", "revision_days", "klaviyo", text, "Update Ferry before that date.")


def of_queue(count: QueueCount, lately: RecentOutcomes | None, limits: Limits, now: int) -> Iterator[Alert]:
    """Yield the alerts of one queue except for its hold. `now`: ms."""
    yield from _dead_letters(count, limits)
    if lately is not None:
        yield from _dead_percent(count, lately, limits)
    yield from _oldest(count, limits, now)


def held(on: str, called: str, hold: Hold) -> Alert:
    """Return the alert of a held queue or connection. `on`: its name; `called`: its name for people."""
    # Unchanged, because it is Ferry's own text: the long number of an audience in a command is not a phone number.
    resolve = hold.resolve or "Find out who placed the hold, and why."
    # A later hold on the same queue is a new alert, because its reason differs.
    return Alert(
        f"holds/{on}/{hold.since}",
        "holds",
        on,
        f"{called} is held: {_one_line(without_people(hold.reason))}",
        f"{resolve} `ferry holds` shows the details, `ferry release {on}` ends the hold.",
    )


def undecided(on: Queue, found: UndecidedErasures, now: int) -> Alert:
    """Return the alert of a queue's erasures that need a look. `now`: ms."""
    due = day(found.oldest + undecided_erasures.ANSWER_MS)
    text = (
        f"{on}: {plural(found.letters, 'erasure needs', 'erasures need')} a look, the oldest for "
        f"{duration(now - found.oldest)}; answer due by {due}"
    )
    listed = f"`ferry dead list --queue {on} --reason {undecided_erasures.REASON}`"
    remedy = f"{listed} lists them, `ferry dead show` shows what was found."
    return Alert(f"erasures/{on}", "erasures", str(on), text, remedy)


def called(count: QueueCount) -> str:
    """Return the queue's name for people, on one line: `default/audience/42 (VIPs)`."""
    return f"{count.queue} ({_one_line(count.name)})" if count.name else str(count.queue)


def _one_line(text: str) -> str:
    # External text becomes the subject of an e-mail, which has one line.
    return " ".join(text.split())


def _dead_letters(count: QueueCount, limits: Limits) -> Iterator[Alert]:
    if count.kept > limits.dead_letters:
        text = f"{called(count)} keeps {plural(count.kept, 'dead letter')}, more than {limits.dead_letters:,}"
        yield Alert(f"dead_letters/{count.queue}", "dead_letters", str(count.queue), text, _of_letters(count))


def _dead_percent(count: QueueCount, lately: RecentOutcomes, limits: Limits) -> Iterator[Alert]:
    if lately.settled >= ENOUGH and lately.dead * 100 > limits.dead_percent * lately.settled:
        text = (
            f"{lately.dead:,} of the last {lately.settled:,} changes of {called(count)} became dead letters, "
            f"more than {limits.dead_percent} %"
        )
        yield Alert(f"dead_percent/{count.queue}", "dead_percent", str(count.queue), text, _of_letters(count))


def _of_letters(count: QueueCount) -> str:
    return f"`ferry dead list --queue {count.queue}` shows the reasons; after a fix, replay or purge them."


def _oldest(count: QueueCount, limits: Limits, now: int) -> Iterator[Alert]:
    if count.waiting.oldest is None:
        return
    waited = now - count.waiting.oldest
    over = waited - count.policy.age_ms
    if over > limits.oldest_over_minutes * MINUTE_MS:
        late = f"{duration(waited)}, {duration(over)} over its policy's age"
        text = f"{called(count)}: the oldest change is pending for {late}"
        remedy = "See `ferry holds`, then `ferry status` and the logs of the scheduler and the workers."
        yield Alert(f"oldest_over/{count.queue}", "oldest_over_minutes", str(count.queue), text, remedy)


def judged(facts: Facts, limits: Limits) -> list[Alert]:
    """Return all alerts, each with its own id."""
    return [
        *of_processes(facts, limits),
        *_of_queues(facts, limits),
        *(_of_holds(facts) if limits.holds else ()),
        *(_of_erasures(facts) if limits.erasures else ()),
        *(of_keys(facts.key_changes, facts.census.at) if limits.keys else ()),
        *(differs(queue, each) for queue, each in facts.differing.items() if limits.lists),
        *(alert for found in facts.queries if limits.queries for alert in of_query(found, facts.census.at)),
    ]


def _of_erasures(facts: Facts) -> Iterator[Alert]:
    for count in facts.census.queues:
        if found := facts.erasures.get(count.queue):
            yield undecided(count.queue, found, facts.census.at)


def _of_queues(facts: Facts, limits: Limits) -> Iterator[Alert]:
    for count in facts.census.queues:
        yield from of_queue(count, facts.settlements.get(count.queue), limits, facts.census.at)


def _of_holds(facts: Facts) -> Iterator[Alert]:
    for connection, hold in sorted(facts.census.holds.items()):
        yield held(connection, connection, hold)
    for count in facts.census.queues:
        if count.hold:
            yield held(str(count.queue), called(count), count.hold)


def differs(on: Queue, found: Differing) -> Alert:
    """Return the alert of a list that differs from the membership ledger. `on`: the audience's queue."""
    text = (
        f"{on}: {plural(found.extra, 'person', 'people')} on the list whom Ferry did not put there, "
        f"{plural(found.missing, 'person is', 'people are')} missing from it"
    )
    kept_back = f"; {without_people(found.kept_back)}" if found.kept_back else ""
    remedy = f"`ferry reconcile {on}` shows them, with --repair it corrects the list."
    return Alert(f"lists/{on}", "lists", str(on), text + kept_back, remedy)


def of_keys(changes: Iterable[KeyChange], now: int) -> Iterator[Alert]:
    """Yield an alert for each sender and connection. `now`: ms."""
    for each in changes:
        if each.last > now - LASTS_MS:
            yield Alert(
                f"keys/{each.field}/{each.since}", "keys", each.connection, key_sentence(each), key_remedy(each)
            )


def key_sentence(change: KeyChange) -> str:
    """Return what a message did, without a full stop."""
    if change.what == "changed":
        return (
            f"{change.connection}: a message from sender {change.sender} changed the Klaviyo key ({describe(change)})"
        )
    times = plural(change.times, "time")
    return f"{change.connection}: sender {change.sender} sent settings that it may not set, {times}; {describe(change)}"


def key_remedy(change: KeyChange) -> str:
    """Return what to do about it."""
    if change.what == "changed":
        return (
            f"If nobody intended this, restore the old key with `ferry connections undo-key {change.connection}` and "
            f"replace the token of {change.sender}."
        )
    return (
        f"Deliveries go on as before. If {change.sender} should set keys, set accept_keys = true in its [senders] "
        "table; if not, replace its token. A key that was undone is not accepted again in either case."
    )
