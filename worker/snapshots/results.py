"""What became of the changes of snapshots in a batch of an audience. Pure, but for the clock."""

from __future__ import annotations

from collections import Counter, defaultdict

from queues.clock import now_ms
from queues.snapshots.orders import KIND
from queues.snapshots.outcomes import BatchResult
from worker.audience.remove import NOT_ON_LIST
from worker.delivery import Delivery


def results(delivery: Delivery) -> dict[str, BatchResult]:
    """Return the results of a batch that is about to be settled, by snapshot; empty for other changes."""
    found: defaultdict[str, BatchResult] = defaultdict(lambda: BatchResult(now_ms()))
    for person, intent in delivery.intents.items():
        for index in intent.indexes:
            body = delivery.batch.changes[index].body
            if body.source == KIND and body.message:
                _count(found[body.message], delivery, person, index == intent.last)
                # A replayed dead letter was counted as dead before.
                found[body.message].dead -= body.replayed
    return dict(found)


def _count(result: BatchResult, delivery: Delivery, person: int, is_last: bool) -> None:
    state = delivery.progress
    if rejection := state.rejected.get(person):
        result.dead += 1
        result.reasons = dict(Counter(result.reasons) + Counter([rejection.reason]))
    elif not is_last or person in state.overtaken:
        result.superseded += 1
    elif person in state.unproved:
        result.imported += 1
    else:
        result.delivered += 1
        result.not_found += NOT_ON_LIST in state.warnings.get(person, ())
