"""Settling: what became of every change of a batch."""

from __future__ import annotations

import logging
from collections import Counter

from queues import batches, pending
from queues.batches import Settlement, Undeliverable
from queues.clock import now_ms
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
    end = Settlement(
        superseded=superseded,
        dead=dead,
        moved=[intent.last for intent in delivered if intent.final],
        warnings=_warnings(delivery, delivered),
    )
    due = batches.settle(delivery.redis, delivery.batch, end, now_ms())
    log.info(
        "batch %s: settled; %d delivered, %d superseded, %d dead letters, fields left out: %s%s",
        delivery.batch.id,
        len(delivered),
        superseded,
        len(dead),
        ", ".join(f"{code} {people}" for code, people in end.warnings.items()) or "none",
        "; its queue is due again" if due else "",
    )
    if due:
        pending.wake(delivery.redis)


def _warnings(delivery: Delivery, delivered: list[Intent]) -> dict[str, int]:
    noted = delivery.progress.warnings
    return dict(Counter(code for intent in delivered for code in noted.get(intent.last, ())))
