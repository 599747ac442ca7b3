"""Estimate when pending changes will be in Klaviyo: the next flush, then the uploads at the limits. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from klaviyo import endpoints
from klaviyo.endpoints import PUBLISHED
from ops.status_words import failed, is_held
from queues.census import Census
from queues.counts import QueueCount
from queues.figures import FAILING, HELD
from queues.names import Queue
from queues.queue_rows import QueueRow
from queues.rate_limits import SHARE

_MINUTE_MS: Final = 60_000
#: The endpoint of each kind whose requests can be counted beforehand; a snapshot's are unknown before its comparison.
ENDPOINTS: Final[Mapping[str, str]] = {
    "audience": endpoints.BULK_IMPORT.name,
    "profile": endpoints.BULK_IMPORT.name,
    "event": endpoints.BULK_EVENTS.name,
    "consent": endpoints.SUBSCRIBE.name,
    "erasure": endpoints.DELETION.name,
}


@dataclass(frozen=True, slots=True)
class Eta:
    """The oldest `changes` of a queue are handed to Klaviyo by about `at` (ms). Klaviyo's own work takes longer."""

    changes: int
    at: int


@dataclass(frozen=True, slots=True)
class Route:
    """The destination of a queue's changes. `account`: its queues share limits. `upload_max`: changes in one upload."""

    account: str
    upload_max: int


class Leaving(NamedTuple):
    """The next flush of a queue: when it is due (ms), and of how many changes."""

    due: int
    queue: Queue
    changes: int


def arrivals(
    census: Census,
    route: Callable[[Queue], Route],
    paused: Mapping[tuple[str, str], int],
    others: Iterable[Leaving] = (),
) -> dict[Queue, Eta]:
    """Return the estimate for each queue with pending changes; none while the scheduler or all workers are missing.

    A queue whose open batch failed and is retried has no estimate either, because its pending changes wait for it.

    `others`: of queues that are not in the census. `paused`: (account, endpoint) -> ms for which Klaviyo asked Ferry to
    wait. The uploads of an account run one after
    the other by their due times; enough workers are assumed.
    """
    if census.heartbeat is None or not census.workers:
        return {}
    free: dict[tuple[str, str], float] = defaultdict(lambda: census.at)
    free |= {place: census.at + wait for place, wait in paused.items()}
    found: dict[Queue, Eta] = {}
    for due, queue, changes in sorted([*_leaving(census, route), *others]):
        to = route(queue)
        place = (to.account, ENDPOINTS[queue.kind])
        # A queue that is due later waits for these uploads.
        free[place] = max(due, free[place]) + _uploading_ms(queue.kind, changes, to.upload_max)
        found[queue] = Eta(changes, math.ceil(free[place]))
    return found


def before(rows: Iterable[QueueRow], queue: Queue, due: int) -> Iterator[Leaving]:
    """Yield what uses the same limits as a queue that is due at `due` (ms), and is due before it.

    All of the pending changes count, because a row does not know which of them go: for each queue this is at most one
    upload too many.
    """
    for row in rows:
        is_first = row.due is not None and row.due <= due and row.queue != str(queue)
        alike = row.connection == queue.connection and ENDPOINTS.get(row.kind) == ENDPOINTS[queue.kind]
        if is_first and alike and not row.own_trouble & (HELD | FAILING):
            yield Leaving(int(row.due or 0), Queue.parse(row.queue), row.figure("pending"))


def going(count: QueueCount, upload_max: int) -> int:
    """Return how many pending changes the next flush takes, in any number of batches; see policy.decide."""
    pending, size = count.waiting.pending, count.policy.size
    asked = min(count.waiting.asked, pending)
    # Requested changes go first; then full uploads while enough of the rest are pending.
    rest = pending - asked
    by_size = min(rest, ((rest - size) // upload_max + 1) * upload_max) if rest >= size else 0
    return asked + by_size or pending


def _leaving(census: Census, route: Callable[[Queue], Route]) -> Iterator[Leaving]:
    for count in census.queues:
        stopped = is_held(count, census) or any(failed(batch) for batch in count.batches)
        if count.due is not None and count.queue.kind in ENDPOINTS and not stopped:
            yield Leaving(max(count.due, census.at), count.queue, going(count, route(count.queue).upload_max))


def _uploading_ms(kind: str, changes: int, upload_max: int) -> float:
    # An erasure needs a request for each person.
    requests = changes if kind == "erasure" else math.ceil(changes / upload_max)
    return requests * _MINUTE_MS / PUBLISHED[ENDPOINTS[kind]].less(SHARE).steady
