"""The words for a cause that stops deliveries or needs attention, for the terminal and for pages. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ops import status_words as words
from ops.holds import placed_by_person
from queues.counts import OpenBatch, QueueCount, called
from queues.holds import ACCOUNT_CHANGED, Hold
from queues.owners import LIST_OWNED
from queues.snapshots.guard import GUARD
from text.escaping import visible
from text.wording import duration, plural

#: What a cause is about, which decides what a page offers to press.
Kind = Literal["ledger", "process", "hold", "guard", "person", "retry", "late", "letters"]
#: What is wrong, by the reason of a hold; `{names}`: the connection, the queue, or their number.
_HELD: Final[Mapping[str, str]] = {
    "unauthenticated": "Klaviyo refuses the key of {names}",
    "forbidden": "The key of {names} may not do what deliveries need",
    "no_api_key": "There is no key for {names}",
    "api_key_malformed": "The key of {names} is malformed",
    "api_key_unreadable": "The key of {names} cannot be read",
    ACCOUNT_CHANGED: "The key of {names} belongs to another Klaviyo account",
    "list_gone": "The Klaviyo list of {names} does not exist",
    "list_refused": "Klaviyo refuses the list of {names}",
    LIST_OWNED: "The list of {names} belongs to another audience",
    GUARD: "The snapshot of {names} would remove too many people",
    "revision": "Klaviyo does not know the API revision used for {names}",
    "contract": "Klaviyo refuses the form of the requests for {names}",
    "certificate_refused": "The server that {names} uses does not prove to be Klaviyo",
    "redirected": "The Klaviyo address of {names} redirects",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause. `state`: bad if it stops deliveries or changes are missing.

    `title`: what is wrong; `lasts`: for how long, and `since`: ms, both empty if that is not known. `figures`: what it
    concerns. `then`: what happens automatically, or what ends it; `command`: what to type. `on`: the only queue or
    connection that it concerns, empty for several. `check`: the ms at
    which Ferry checks next whether it is gone, None if that is not known.
    """

    state: Literal["warn", "bad"]
    kind: Kind
    title: str
    figures: str = ""
    then: str = ""
    command: str = ""
    on: str = ""
    since: int | None = None
    lasts: str = ""
    check: int | None = None

    @property
    def text(self) -> str:
        """The cause in one sentence."""
        lasts = f" for {self.lasts}" if self.lasts else ""
        return f"{self.title}{lasts}{f': {self.figures}' if self.figures else ''}."

    @property
    def remedy(self) -> str:
        """What to do, or what Ferry does."""
        return " ".join(filter(None, (self.then, self.command)))


def held_cause(
    holds: Sequence[Hold], names: str, now: int, *, figures: str, on: str, stops: bool, next_check: int | None
) -> Cause:
    """Return the cause of holds with one reason. `stops`: changes wait that no person wanted to wait.

    `next_check`: ms of the next check of held connections.
    """
    hold, since = holds[0], min(each.since for each in holds)
    return Cause(
        "bad" if stops else "warn",
        _kind(hold),
        held_title(holds, names),
        figures,
        words.what_to_do(hold) if len({words.what_to_do(each) for each in holds}) == 1 else "",
        _command(hold, on),
        on,
        since,
        duration(now - since),
        next_check if hold.probed else None,
    )


def _command(hold: Hold, on: str) -> str:
    if not on:
        return "`ferry holds` lists them."
    return "" if hold.reason == GUARD else f"To release it: ferry release {on}"  # the guard's remedy contains it


def _kind(hold: Hold) -> Kind:
    if hold.reason == GUARD:
        return "guard"
    return "person" if placed_by_person(hold) else "hold"


def held_title(holds: Sequence[Hold], names: str) -> str:
    """Return what is wrong with what is held, without a full stop. `holds`: of one reason, or of people."""
    hold = holds[0]
    reason = words.reason_of(hold)
    if hold.reason in _HELD:
        return f"{_HELD[hold.reason].format(names=names)} ({reason})"
    if any(each.reason != hold.reason for each in holds):
        return f"{names} are held by people"
    return f"{names} {'is' if len(holds) == 1 else 'are'} held ({reason})"


def retry_cause(fault: str, failed: Sequence[tuple[QueueCount, OpenBatch]], now: int) -> Cause:
    """Return the cause of batches that fail with one fault."""
    queues = {count.queue: count for count, _ in failed}
    (first, *others) = queues.values()
    batches = plural(len(failed), "batch", "batches") + ("" if others else f" of {called(first)}")
    changes = plural(sum(opened.count for _, opened in failed), "change")
    delayed = duration(now - min(opened.taken for _, opened in failed))
    return Cause(
        "warn",
        "retry",
        f"{_fault(fault)}; {batches} {'retries' if len(failed) == 1 else 'retry'}",
        f"{changes}, delayed by {delayed}",
        "Ferry retries automatically, and nothing is lost.",
        "If it continues, check status.klaviyo.com and `ferry doctor`.",
        "" if others else str(first.queue),
    )


def _fault(fault: str) -> str:
    if fault.startswith("http_"):
        return f"Klaviyo answers {visible(fault.removeprefix('http_'))}"
    if fault.startswith(("network", "timeout")):
        return f"Klaviyo cannot be reached ({visible(fault)})"
    return f"Deliveries fail ({visible(fault)})"
