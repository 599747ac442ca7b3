"""A census in words, for the terminal and for pages. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final

from queues.batches import is_failure
from queues.census import Census
from queues.counts import OpenBatch, QueueCount
from queues.figures import FAILING, HELD
from queues.holds import Hold
from queues.queue_rows import QueueRow
from queues.server import rollback
from text.escaping import visible
from text.wording import duration, number, plural, sentence, some, until, without_people

#: Most queues in one table: a screen can show thousands, but a person cannot read them.
SHOWN: Final = 200
#: The states of a queue; the first that applies is its state. Blocked: its connection is held. Held: itself.
#: Failing: an attempt failed, and Ferry tries again. Delivering: a batch is open. Waiting: it has pending changes.
STATES: Final = ("blocked", "held", "failing", "delivering", "waiting", "idle")
#: The lateness of a tick that is reported, in ms; ticks come every two seconds.
LATE_TICK_MS: Final = 15_000
#: The most shared identifiers that are listed.
_SHARED: Final = 5
#: The most queues that are named beside an equation that does not add up.
_WRONG: Final = 5


def is_held(count: QueueCount, census: Census) -> bool:
    """Return whether the queue or its connection is held."""
    return count.hold is not None or count.queue.connection in census.holds


def state_of(row: QueueRow, held: Collection[str]) -> str:
    """Return the state of a queue, one of STATES. `held`: the connections that are held."""
    if held and row.connection in held:
        return "blocked"
    if row.own_trouble & HELD:
        return "held"
    if row.own_trouble & FAILING:
        return "failing"
    if row.figure("batches"):
        return "delivering"
    return "waiting" if row.figure("unsettled") else "idle"


def next_flush(count: QueueCount, census: Census) -> tuple[str, str]:
    """Return the next trigger and its time: `by age`, `in 15 h 57 min`; `held` and ""; "" twice if nothing is pending.

    Due changes may have to wait for open batches: too many are not uploaded, or one has the same person (take.lua).
    """
    if is_held(count, census):
        return "held", ""
    if count.due is None:
        return "", ""
    is_blocked = count.due <= census.at and bool(count.batches)
    return f"by {count.trigger}", "when open batches allow" if is_blocked else until(count.due, census.at)


def batch(opened: OpenBatch, now: int) -> str:
    """Return the stage, the age, the attempt and the last fault of a batch: `confirm 12 s, attempt 3 after 503`."""
    tries = f", attempt {opened.attempts + 1}" if opened.attempts else ""
    after = f"{'' if tries else ', again'} after {opened.trouble}" if opened.trouble else ""
    return f"{opened.stage} {duration(now - opened.taken)}{tries}{after}"


def failed(opened: OpenBatch) -> bool:
    """Return whether the last attempt of a batch failed; waiting for a limit is not a failure."""
    return is_failure(opened.trouble)


def failing(census: Census) -> Iterator[str]:
    """Yield a line if open batches fail because of Klaviyo or the network; held queues show their own reason."""
    free = (count for count in census.queues if not is_held(count, census))
    found = [opened for count in free for opened in count.batches if failed(opened)]
    if found:
        failures = plural(len(found), "open batch failed", "open batches failed")
        why = ", ".join(sorted({opened.trouble for opened in found}))
        yield (
            f"{failures}: {why}. Ferry retries automatically, and nothing is lost. If it continues, check "
            "status.klaviyo.com and `ferry doctor`."
        )


def delivered_more(count: QueueCount, now: int) -> list[str]:
    """Return the lines below the number of delivered changes: imported, superseded, and when Klaviyo last took some."""
    besides = {"imported": count.imported, "superseded": count.superseded}
    lines = [f"+{number(changes)} {how}" for how, changes in besides.items() if changes]
    return lines + ([] if count.landed is None else [f"{duration(now - count.landed)} ago"])


def letters_gone(count: QueueCount) -> list[str]:
    """Return the numbers of dead letters that were purged or evicted."""
    gone = {"purged": count.dead - count.kept - count.evicted, "evicted": count.evicted}
    return [f"+{number(letters)} {how}" for how, letters in gone.items() if letters]


def reason_of(hold: Hold) -> str:
    """Return the reason of a hold: a code, or a person's note without e-mail addresses and phone numbers."""
    return visible(without_people(hold.reason))


def what_to_do(hold: Hold) -> str:
    """Return what ends a hold."""
    ends = "Ends automatically when the cause is gone." if hold.ends_by_itself else ""
    return visible(" ".join(filter(None, (hold.resolve, ends)))) or "Ask the person who placed the hold."


def trouble(census: Census) -> Iterator[str]:
    """Yield the problems of the ledger and the processes, with the remedies."""
    if census.fall is not None:
        yield f"{sentence(str(census.fall))}. {rollback.REMEDY}"
    if census.heartbeat is None:
        yield "No scheduler ran within the last minute: no batches start. Start `ferry scheduler` or `ferry up`."
    elif census.at - census.heartbeat > LATE_TICK_MS:
        yield "The scheduler is late: check its log."
    if not census.workers:
        yield "No worker is running: nothing is delivered. Start `ferry worker` or `ferry up`."


def left_out(census: Census) -> str:
    """Return the number of people who were delivered without a field, by warning; empty if there are none."""
    found = Counter(census.totals.all.left_out)
    counts = ", ".join(f"{code} {number(people)}" for code, people in found.most_common())
    return f"Warnings (people): {counts}." if counts else ""


def shared(census: Census) -> str:
    """Return the identifiers that too many people share, as parts of hashes; empty if there are none."""
    values = [value.replace(":", " ") for of_one in census.shared.values() for value in sorted(of_one)]
    if not values:
        return ""
    named = some(values, _SHARED)
    return f"Identifiers shared by too many people, which identify nobody: {named}. `ferry explain` shows a person's."


def scheduler(census: Census) -> str:
    """Return when a scheduler last ticked."""
    return "none" if census.heartbeat is None else f"ticked {duration(census.at - census.heartbeat)} ago"


def workers(census: Census) -> str:
    """Return the workers by state, such as `1 busy, 2 idle`."""
    states = list(census.workers.values())
    return ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states))) or "none"


def equation(census: Census) -> tuple[str, bool]:
    """Return the equation of all changes ever accepted, and whether it adds up in every queue."""
    total = census.totals.all
    parts = [
        f"{number(total.pending)} pending",
        f"{number(total.open)} open",
        f"{number(total.delivered)} delivered",
        *([f"{number(total.imported)} imported"] if total.imported else []),
        f"{number(total.dead)} dead",
        f"{number(total.superseded)} superseded",
    ]
    text = f"{number(total.accepted)} accepted = " + " + ".join(parts)
    if not total.missing:
        return text, True
    wrong = [str(count.queue) for count in census.queues if count.missing]
    return f"{text}: DOES NOT ADD UP in {some(wrong, _WRONG)}; this is a defect in Ferry", False


def held_queues(census: Census) -> int:
    """Return how many queues are held, by themselves or with their connection."""
    groups = census.totals.groups.items()
    return sum(found.queues if name in census.holds else found.held for (name, _), found in groups)


def clock_off(ms: int) -> str:
    """Return by how much a machine's clock differs from Redis's. `ms`: it is ahead, negative: behind."""
    return f"{duration(abs(ms))} {'ahead of' if ms > 0 else 'behind'} Redis's"
