"""What a census means, in words: for the terminal and for the page. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from queues.census import Census
from queues.counts import OpenBatch, QueueCount
from queues.holds import Hold
from queues.server import rollback
from text.escaping import visible
from text.wording import number, plural, sentence, span

#: A tick that is this late (ms) deserves a look; ticks come every two seconds.
_LATE_MS: Final = 15_000
#: Shared identifiers that are listed one by one.
_SHARED: Final = 5
#: Troubles that are none: the limits of Klaviyo and of Ferry (klaviyo/outcomes.py).
_LIMITS: Final = frozenset({"throttled", "daily_limit", "own_limit"})


def is_held(count: QueueCount, census: Census) -> bool:
    """Whether the queue, or the connection it belongs to, is held."""
    return count.hold is not None or count.queue.connection in census.holds


def next_flush(count: QueueCount, census: Census) -> tuple[str, str]:
    """What fires next and when: `by age`, `in 15h 57m`; `held` and nothing; nothing twice where nothing waits.

    What is due may have to wait for open batches: too many are not uploaded, or the same person is in one (take.lua).
    """
    if is_held(count, census):
        return "held", ""
    if count.due is None:
        return "", ""
    at_once = "when open batches allow" if count.batches else "now"
    return f"by {count.trigger}", f"in {span(count.due - census.at)}" if count.due > census.at else at_once


def batch(opened: OpenBatch, now: int) -> str:
    """`confirm 12s, try 3 after http_503`: the stage, since the batch was taken, which try it is, and why again."""
    tries = f", try {opened.attempts + 1}" if opened.attempts else ""
    after = f"{'' if tries else ', again'} after {opened.trouble}" if opened.trouble else ""
    return f"{opened.stage} {span(now - opened.taken)}{tries}{after}"


def failed(opened: OpenBatch) -> bool:
    """Whether the last try of a batch failed; to wait for a limit is no fault."""
    return bool(opened.trouble) and opened.trouble not in _LIMITS


def failing(census: Census) -> Iterator[str]:
    """What Klaviyo, or the way to it, does not let through for now; what is held has its own reason."""
    free = (count for count in census.queues if not is_held(count, census))
    found = [opened for count in free for opened in count.batches if failed(opened)]
    if found:
        again = plural(len(found), "open batch failed and is", "open batches failed and are")
        why = ", ".join(sorted({opened.trouble for opened in found}))
        yield f"{again} tried again by Ferry: {why}. Nothing is lost; if it lasts: status.klaviyo.com, `ferry doctor`."


def delivered_more(count: QueueCount, now: int) -> list[str]:
    """What there is to say of a queue besides how many it delivered."""
    besides = {"imported": count.imported, "superseded": count.superseded}
    said = [f"+{number(changes)} {how}" for how, changes in besides.items() if changes]
    return said + ([] if count.waiting.uploaded is None else [f"{span(now - count.waiting.uploaded)} ago"])


def letters_gone(count: QueueCount) -> list[str]:
    """What became of dead letters that are not kept any more."""
    gone = {"purged": count.dead - count.kept - count.evicted, "evicted": count.evicted}
    return [f"+{number(letters)} {how}" for how, letters in gone.items() if letters]


def what_to_do(hold: Hold) -> str:
    """What ends a hold."""
    ends = "Ends by itself when the cause is gone." if hold.ends_by_itself else ""
    return visible(" ".join(filter(None, (hold.resolve, ends)))) or "Wait for who holds it."


def trouble(census: Census) -> Iterator[str]:
    """What is missing: of the ledger, and of the processes; with the remedy."""
    if census.fall is not None:
        yield f"{sentence(str(census.fall))}. {rollback.REMEDY}"
    if census.heartbeat is None:
        yield "No scheduler ticked within the last minute: nothing is taken. Start `ferry scheduler` or `ferry up`."
    elif census.at - census.heartbeat > _LATE_MS:
        yield "The scheduler is late: see its log."
    if not census.workers:
        yield "No worker listens: nothing is delivered. Start `ferry worker` or `ferry up`."


def left_out(census: Census) -> str:
    """How many people were delivered without some field, by what was wrong with it; empty when nobody was."""
    found: Counter[str] = Counter()
    for count in census.queues:
        found.update(count.left_out)
    told = ", ".join(f"{code} {number(people)}" for code, people in found.most_common())
    return f"Warnings, and people: {told}." if told else ""


def shared(census: Census) -> str:
    """Which identifiers too many people share, by a part of their hashes; empty when there are none."""
    values = [value.replace(":", " ") for of_one in census.shared.values() for value in sorted(of_one)]
    if not values:
        return ""
    told = ", ".join(values[:_SHARED]) + (f" and {number(len(values) - _SHARED)} more" if len(values) > _SHARED else "")
    return f"Too many people share these, so that they identify nobody: {told}. `ferry explain` shows it for a person."


def scheduler(census: Census) -> str:
    """When one last ticked."""
    return "none" if census.heartbeat is None else f"ticked {span(census.at - census.heartbeat)} ago"


def workers(census: Census) -> str:
    """`1 busy, 2 idle`."""
    states = list(census.workers.values())
    return ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states))) or "none"


def equation(census: Census) -> tuple[str, bool]:
    """The account of every change ever accepted, and whether it adds up in every queue."""
    counts = census.queues
    imported = sum(c.imported for c in counts)
    parts = [
        f"{number(sum(c.waiting.pending for c in counts))} pending",
        f"{number(sum(c.open for c in counts))} open",
        f"{number(sum(c.delivered for c in counts))} delivered",
        *([f"{number(imported)} imported"] if imported else []),
        f"{number(sum(c.dead for c in counts))} dead",
        f"{number(sum(c.superseded for c in counts))} superseded",
    ]
    text = f"{number(sum(c.accepted for c in counts))} accepted = " + " + ".join(parts)
    wrong = [str(count.queue) for count in counts if count.missing]
    if not wrong:
        return text, True
    return f"{text}: DOES NOT ADD UP in {', '.join(wrong)}; this is a fault of Ferry's", False
