"""Follow a snapshot from its submission to its end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, TypeVar

from redis import Redis
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ops.errors import Failed, StillGoing
from ops.output import console
from ops.status_words import reason_of
from queues.census import Census, take_census
from queues.counts import QueueCount
from queues.holds import Hold
from queues.names import Queue
from queues.snapshots import orders, outcomes
from queues.snapshots.guard import GUARD
from queues.snapshots.orders import Record
from text.escaping import visible
from text.wording import number

_LOOK_S = 0.25
#: Seconds after which a missing process counts as down; a restart takes less.
_AWAY_S = 5.0
#: The description of each state, for people.
_DOING = {
    "queued": "waiting for its turn, and for changes accepted before it",
    "reading": "being read",
    "comparing": "being compared with the list, and its changes queued",
    "held": "held by the guard",
}


def follow(redis: Redis, snapshot_id: str, audience: Queue, deadline: float = math.inf) -> tuple[Record, str | None]:
    """Return the record when the snapshot's changes are queued or it is stuck, and why it is stuck.

    `deadline`: by time.monotonic(). Raises Failed if it is lost, StillGoing.
    """

    def trouble(record: Record) -> Trouble:
        census = take_census(redis, [audience, Queue.parse(record.queue)])
        return stuck(record, audience, census), absent(census)

    return until_ended(lambda: _record(redis, snapshot_id), "submitted", _DOING, trouble, deadline)


def follow_delivery(
    redis: Redis, snapshot_id: str, audience: Queue, deadline: float = math.inf
) -> tuple[Record, str | None]:
    """Return the record when each change of the snapshot is settled or they are stuck, and why they are stuck.

    `deadline`: by time.monotonic(). Raises Failed if it is lost, StillGoing.
    """

    def look() -> _Delivery:
        if (found := outcomes.record(redis, snapshot_id)) is None:
            raise _lost(snapshot_id)
        return _Delivery(found)

    def trouble(found: _Delivery) -> Trouble:
        census = take_census(redis, [audience])
        return waits_behind(found.record, audience, census), absent(census)

    found, why = until_ended(look, "delivering", {}, trouble, deadline)
    return found.record, why


class _Delivery(NamedTuple):
    """The changes of a snapshot, as work to follow."""

    record: Record

    @property
    def state(self) -> str:
        """How far it is."""
        changes = self.record.outcomes.changes
        return f"delivering: {number(changes - self.record.outcomes.pending)} of {number(changes)} changes settled"

    @property
    def ended(self) -> int | None:
        """The end of the comparison, when no change is left."""
        return None if self.record.state == "delivering" else self.record.ended


class Work(Protocol):
    """What is followed: a snapshot, or a run of a query."""

    @property
    def state(self) -> str:
        """What is being done."""

    @property
    def ended(self) -> int | None:
        """The end in ms; None before."""


Followed = TypeVar("Followed", bound=Work)
#: Why it is stuck, and which process is missing; None if neither.
Trouble = tuple[str | None, str | None]


def until_ended(
    look: Callable[[], Followed],
    begun: str,
    doing: Mapping[str, str],
    trouble: Callable[[Followed], Trouble],
    deadline: float = math.inf,
) -> tuple[Followed, str | None]:
    """Show progress until the work has ended or is stuck; return it, and why it is stuck.

    `begun`: the first description; `doing`: that of each state. A process counts as missing after some seconds only.
    `deadline`: by time.monotonic(). Raises StillGoing, naming the state.
    """
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True)) as progress:
        task = progress.add_task(begun, total=None)
        complete = time.monotonic()
        while (found := look()).ended is None:
            progress.update(task, description=doing.get(found.state, found.state))
            why, away = trouble(found)
            if not away:
                complete = time.monotonic()
            if why := why or (away if time.monotonic() - complete > _AWAY_S else None):
                return look(), why
            if time.monotonic() > deadline:
                raise StillGoing(doing.get(found.state, found.state))
            time.sleep(_LOOK_S)
    return found, None


def _record(redis: Redis, snapshot_id: str) -> Record:
    found = orders.record(redis, snapshot_id)
    if found is None:
        raise _lost(snapshot_id)
    return found


def _lost(snapshot_id: str) -> Failed:
    return Failed(f"snapshot {snapshot_id} no longer exists: Redis lost it. Send it again.")


def stuck(record: Record, audience: Queue, census: Census) -> str | None:
    """Return the hold that stops the snapshot, with the remedy; None if there is none. Pure."""
    connection = audience.connection
    if hold := census.holds.get(connection):
        return _held(connection, hold)
    for count in census.queues:
        if count.hold and (count.queue == Queue.parse(record.queue) or _must_end_first(count, record, audience)):
            return _held(count.queue, count.hold)
    return None


def waits_behind(record: Record, audience: Queue, census: Census) -> str | None:
    """Return the hold that stops a snapshot or its own changes, with the remedy; None if there is none. Pure."""
    if record.state == "held" or not record.is_unsettled:
        return None
    own = (_held(each.queue, each.hold) for each in census.queues if each.hold and each.queue == audience)
    return stuck(record, audience, census) or next(own, None)


def absent(census: Census) -> str | None:
    """Return which process is missing, with the remedy; None if none is missing. Pure."""
    if census.heartbeat is None:
        return "no scheduler is running. Start `ferry scheduler` or `ferry up`."
    if not census.workers:
        return "no worker is running. Start `ferry worker` or `ferry up`."
    return None


def _must_end_first(count: QueueCount, record: Record, audience: Queue) -> bool:
    """Return whether the snapshot waits for changes accepted before it; its own changes may wait behind a hold."""
    return count.queue == audience and record.state == "queued" and bool(count.waiting.pending or count.open)


def _held(on: Queue | str, hold: Hold) -> str:
    ways_out = "" if hold.reason == GUARD else f"\nTo release it: ferry release {on}"  # the guard's text names all ways
    return f"{on} is held ({reason_of(hold)}). {visible(hold.resolve)}{ways_out}"
