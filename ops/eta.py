"""When what waits will have been handed to Klaviyo: the next flush, then the uploads at the limits. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from klaviyo import endpoints
from klaviyo.endpoints import PUBLISHED
from ops.status_words import failed, is_held
from queues.census import Census
from queues.counts import QueueCount
from queues.klaviyo_limits import SHARE
from queues.names import Queue

_MINUTE_MS: Final = 60_000
#: Of the kinds whose requests can be counted beforehand: what a snapshot comes to nobody knows before it is compared.
ENDPOINTS: Final[Mapping[str, str]] = {
    "audience": endpoints.BULK_IMPORT.name,
    "profile": endpoints.BULK_IMPORT.name,
    "event": endpoints.BULK_EVENTS.name,
    "consent": endpoints.SUBSCRIBE.name,
    "erasure": endpoints.DELETION.name,
}


@dataclass(frozen=True, slots=True)
class Eta:
    """`changes` of a queue, its oldest, are in Klaviyo's hands by about `at` (ms). What it then does takes longer."""

    changes: int
    at: int


@dataclass(frozen=True, slots=True)
class Route:
    """Where the changes of a queue go. `account`: those who share one share its limits. `upload_max`: in one upload."""

    account: str
    upload_max: int


def arrivals(
    census: Census, route: Callable[[Queue], Route], paused: Mapping[tuple[str, str], int]
) -> dict[Queue, Eta]:
    """For each queue in which something waits that will go; none while a scheduler or worker is missing.

    Nor for a queue whose open batch has failed and is tried again: what waits goes the same way, nobody can say when.

    `paused`: (account, endpoint) -> ms for which Klaviyo asked not to be asked. The uploads of an account are put one
    after the other by the time at which they are due; enough workers are taken for granted.
    """
    if census.heartbeat is None or not census.workers:
        return {}
    free: dict[tuple[str, str], float] = defaultdict(lambda: census.at)
    free |= {place: census.at + wait for place, wait in paused.items()}
    found: dict[Queue, Eta] = {}
    for due, count in sorted(_leaving(census), key=lambda each: (each[0], each[1].queue)):
        to, endpoint = route(count.queue), ENDPOINTS[count.queue.kind]
        changes = going(count, to.upload_max)
        place = (to.account, endpoint)
        # On from there: whoever is due later waits for these.
        free[place] = max(due, free[place]) + _uploading_ms(count.queue.kind, changes, to.upload_max)
        found[count.queue] = Eta(changes, math.ceil(free[place]))
    return found


def going(count: QueueCount, upload_max: int) -> int:
    """How many of those that wait the next flush takes, in however many batches; see policy.decide."""
    pending, size = count.waiting.pending, count.policy.size
    asked = min(count.waiting.asked, pending)
    # What was asked for goes first; of the rest one upload after the other while enough wait.
    rest = pending - asked
    by_size = min(rest, ((rest - size) // upload_max + 1) * upload_max) if rest >= size else 0
    return asked + by_size or pending


def _leaving(census: Census) -> Iterator[tuple[int, QueueCount]]:
    for count in census.queues:
        stopped = is_held(count, census) or any(failed(batch) for batch in count.batches)
        if count.due is not None and count.queue.kind in ENDPOINTS and not stopped:
            yield max(count.due, census.at), count


def _uploading_ms(kind: str, changes: int, upload_max: int) -> float:
    # An erasure is a request for each person.
    requests = changes if kind == "erasure" else math.ceil(changes / upload_max)
    return requests * _MINUTE_MS / PUBLISHED[ENDPOINTS[kind]].less(SHARE).steady
