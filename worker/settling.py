"""Settling: what became of every change of a batch."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

from queues import batches, pending
from queues.batches import Settlement, Undeliverable
from queues.clock import now_ms
from queues.settled import Ends, ImportJob, Settled, columns, pack
from worker import counting
from worker.coalesce import Intent
from worker.delivery import Delivery

log = logging.getLogger(__name__)


def settle(delivery: Delivery) -> None:
    """End the batch. Raises LeaseLost.

    Of a delivered person the last change counts as delivered and those it swallowed as superseded. Of a rejected one
    every change becomes a dead letter, so that replaying brings all of it back. Of an intent that others have overtaken
    every change counts as superseded.
    """
    dead = [
        Undeliverable(index, rejection.reason, rejection.detail)
        for person, rejection in delivery.progress.rejected.items()
        for index in delivery.intents[person].indexes
    ]
    dead.sort(key=lambda letter: letter.index)
    left = [intent for person, intent in delivery.intents.items() if person not in delivery.progress.rejected]
    delivered = [intent for intent in left if intent.last not in delivery.progress.overtaken]
    superseded = sum(len(intent.indexes) for intent in left) - len(delivered)
    now = now_ms()
    end = Settlement(
        superseded=superseded,
        dead=dead,
        moved=[intent.last for intent in delivered if intent.final],
        warnings=_warnings(delivery, delivered),
        history=_history(delivery, now),
    )
    due = batches.settle(delivery.redis, delivery.batch, end, now)
    counts = {"delivered": len(delivered), "superseded": superseded, "dead": len(dead), "warnings": end.warnings}
    log.info(
        "batch %s: settled; %d delivered, %d superseded, %d dead letters, fields left out: %s%s",
        delivery.batch.id,
        len(delivered),
        superseded,
        len(dead),
        ", ".join(f"{code} {people}" for code, people in end.warnings.items()) or "none",
        "; its queue is due again" if due else "",
        extra={"fields": {"stage": "settled", **counts}},
    )
    if due:
        pending.wake(delivery.redis)
    counting.died(delivery.redis, delivery.batch.queue, [letter.reason for letter in dead])


def _warnings(delivery: Delivery, delivered: list[Intent]) -> dict[str, int]:
    noted = delivery.progress.warnings
    return dict(Counter(code for intent in delivered for code in noted.get(intent.last, ())))


def _history(delivery: Delivery, now: int) -> bytes:
    """What is kept of the batch, so that anybody's story can be told: no personal data."""
    batch = delivery.batch
    ends = Ends(tuple(_jobs(delivery)), _superseded(delivery), _dead(delivery))
    changes = columns(batch.changes, batch.taken)
    return pack(Settled(batch.id, batch.reason, batch.taken, now, batch.attempts, ends, changes))


def _jobs(delivery: Delivery) -> Iterator[ImportJob]:
    failed = Counter(rejection.detail.get("job") for rejection in delivery.progress.rejected.values())
    for job in delivery.progress.jobs:
        yield ImportJob(job.id, tuple(job.rows), failed[job.id])


def _superseded(delivery: Delivery) -> dict[int, int | None]:
    """By the person's last change; that one, where it was overtaken, by one of which nobody has kept which."""
    state = delivery.progress
    left = [intent for person, intent in delivery.intents.items() if person not in state.rejected]
    swallowed = {index: intent.last for intent in left for index in intent.indexes[:-1]}
    return {**swallowed, **{person: None for person in state.overtaken if person not in state.rejected}}


def _dead(delivery: Delivery) -> dict[int, str]:
    rejected = delivery.progress.rejected
    return {index: known.reason for person, known in rejected.items() for index in delivery.intents[person].indexes}
