"""What is wrong with a queue. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from alerting import Limits
from alerts.facts import Settlement
from queues import looks
from queues.alerts import Alert
from queues.counts import QueueCount
from queues.holds import Hold
from queues.looks import Waiting
from queues.names import Queue
from wording import day, plural, span, without_people

MINUTE_MS: Final = 60_000
#: Of fewer changes that were settled, a percentage says nothing: one of three would be an alert.
ENOUGH: Final = 100


def of_queue(count: QueueCount, lately: Settlement | None, limits: Limits, now: int) -> Iterator[Alert]:
    """The alerts of one queue, but for its hold. `now`: ms."""
    yield from _dead_letters(count, limits)
    if lately is not None:
        yield from _dead_percent(count, lately, limits)
    yield from _oldest(count, limits, now)


def held(on: str, called: str, hold: Hold) -> Alert:
    """A queue or connection is held. `on`: its name, `called`: the same for people."""
    # Ferry's own words, as they are: the long number of an audience in a command is no phone.
    resolve = hold.resolve or "Find out who holds it and why."
    # Another hold on the same queue is another alert: its reason is another.
    return Alert(
        f"holds/{on}/{hold.since}",
        "holds",
        on,
        f"{called} is held: {_one_line(without_people(hold.reason))}",
        f"{resolve} `ferry holds` says more, `ferry release {on}` lets it go on.",
    )


def undecided(on: Queue, found: Waiting, now: int) -> Alert:
    """Erasures of a queue wait for somebody's word. `now`: ms."""
    due = day(found.oldest + looks.ANSWER_MS)
    text = (
        f"{on}: {plural(found.letters, 'erasure needs', 'erasures need')} a look, the oldest for "
        f"{span(now - found.oldest)}; answer due by {due}"
    )
    remedy = (
        f"`ferry dead list --queue {on} --reason {looks.REASON}` lists them, `ferry dead show` says what was found."
    )
    return Alert(f"erasures/{on}", "erasures", str(on), text, remedy)


def called(count: QueueCount) -> str:
    """A queue for people, on one line: `default/audience/42 (VIPs)`."""
    return f"{count.queue} ({_one_line(count.name)})" if count.name else str(count.queue)


def _one_line(text: str) -> str:
    # A text of somebody else's becomes the subject of a letter, which has one.
    return " ".join(text.split())


def _dead_letters(count: QueueCount, limits: Limits) -> Iterator[Alert]:
    if count.kept > limits.dead_letters:
        text = f"{called(count)} keeps {plural(count.kept, 'dead letter')}, more than {limits.dead_letters:,}"
        yield Alert(f"dead_letters/{count.queue}", "dead_letters", str(count.queue), text, _of_letters(count))


def _dead_percent(count: QueueCount, lately: Settlement, limits: Limits) -> Iterator[Alert]:
    if lately.settled >= ENOUGH and lately.dead * 100 > limits.dead_percent * lately.settled:
        text = (
            f"{lately.dead:,} of the last {lately.settled:,} changes of {called(count)} became dead letters, "
            f"more than {limits.dead_percent} %"
        )
        yield Alert(f"dead_percent/{count.queue}", "dead_percent", str(count.queue), text, _of_letters(count))


def _of_letters(count: QueueCount) -> str:
    return f"`ferry dead list --queue {count.queue}` says why; after a fix, replay or purge them."


def _oldest(count: QueueCount, limits: Limits, now: int) -> Iterator[Alert]:
    if count.waiting.oldest is None:
        return
    waited = now - count.waiting.oldest
    over = waited - count.policy.age_ms
    if over > limits.oldest_over_minutes * MINUTE_MS:
        text = f"{called(count)}: the oldest change waits for {span(waited)}, {span(over)} longer than its policy says"
        remedy = "See `ferry holds`, then `ferry status` and the logs of the scheduler and the workers."
        yield Alert(f"oldest_over/{count.queue}", "oldest_over_minutes", str(count.queue), text, remedy)
