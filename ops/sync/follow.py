"""Follows a snapshot from its submission to its end."""

from __future__ import annotations

import time

from redis import Redis
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ops.errors import Failed
from ops.output import console
from queues.census import Census, take_census
from queues.counts import QueueCount
from queues.holds import Hold
from queues.names import Queue
from queues.snapshots import records
from queues.snapshots.guard import GUARD
from queues.snapshots.orders import Record
from text.escaping import visible

_LOOK_S = 0.25
#: Seconds after which a process that is away does not come back by itself; one that starts again is away for less.
_AWAY_S = 5.0
#: What a worker does in each state, for people.
_DOING = {
    "waiting": "waits for its turn, and for what was accepted before it",
    "planning": "being compared with what the list holds",
    "applying": "its changes are being queued",
    "held": "held by the guard",
}


def follow(redis: Redis, snapshot_id: str, audience: Queue) -> tuple[Record, str | None]:
    """Its record when it has ended, or when waiting is in vain, and then why. Raises Failed when it is gone."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True)) as progress:
        task = progress.add_task("submitted", total=None)
        complete = time.monotonic()
        while (record := _record(redis, snapshot_id)).ended is None:
            progress.update(task, description=_DOING[record.state])
            census = take_census(redis, [audience, Queue.parse(record.queue)])
            away = absent(census)
            if not away:
                complete = time.monotonic()
            if why := stuck(record, audience, census) or (away if time.monotonic() - complete > _AWAY_S else None):
                return _record(redis, snapshot_id), why
            time.sleep(_LOOK_S)
    return record, None


def _record(redis: Redis, snapshot_id: str) -> Record:
    found = records.record(redis, snapshot_id)
    if found is None:
        raise Failed(f"snapshot {snapshot_id} is gone: Redis has lost it. Send it again.")
    return found


def stuck(record: Record, audience: Queue, census: Census) -> str | None:
    """Which hold keeps the snapshot from going on, and the remedy; None where none does. Pure."""
    connection = audience.connection
    if hold := census.holds.get(connection):
        return _held(connection, hold)
    for count in census.queues:
        if count.hold and (count.queue == Queue.parse(record.queue) or _must_end_first(count, record, audience)):
            return _held(count.queue, count.hold)
    return None


def absent(census: Census) -> str | None:
    """Which process is not there, and the remedy; None where all are. Pure."""
    if census.heartbeat is None:
        return "no scheduler is there to take it. Start `ferry scheduler` or `ferry up`."
    if not census.workers:
        return "no worker is there to carry it out. Start `ferry worker` or `ferry up`."
    return None


def _must_end_first(count: QueueCount, record: Record, audience: Queue) -> bool:
    """What was accepted before the snapshot; what it makes itself may wait behind a hold."""
    return count.queue == audience and record.state == "waiting" and bool(count.waiting.pending or count.open)


def _held(on: Queue | str, hold: Hold) -> str:
    ways_out = "" if hold.reason == GUARD else f"\nLet it go on with: ferry release {on}"  # the guard names them all
    return f"{on} is held ({visible(hold.reason)}). {visible(hold.resolve)}{ways_out}"
