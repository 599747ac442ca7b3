"""How a snapshot ends: carried out, superseded by a newer one, or refused. Its body goes, its record stays a while."""

from __future__ import annotations

import logging
from typing import Any

from queues import members, pending, rosters, snapshots
from queues.clock import now_ms
from queues.records import State
from worker.delivery import Delivery
from worker.settling import settle
from worker.snapshot_carrier import KIND, Carrier, carriers

log = logging.getLogger(__name__)


def finish(of: Carrier) -> None:
    """Everything is queued: let it go at once, and settle. Raises LeaseLost."""
    redis = of.delivery.redis
    pending.flush(redis, of.audience, now_ms())
    pending.wake(redis)
    close_all(of.delivery)
    settle(of.delivery)


def give_way(of: Carrier) -> None:
    """A newer one says more. What this one has queued already, the newer one takes into account. Raises LeaseLost."""
    log.info("snapshot %s: superseded by a newer one of %s", of.order.snapshot, of.audience)
    of.delivery.progress.overtaken.add(of.index)
    of.delivery.note()
    close_all(of.delivery)
    settle(of.delivery)


def refuse(of: Carrier, reason: str, detail: dict[str, Any]) -> None:
    """It cannot be carried out: a dead letter. Raises LeaseLost."""
    what = "part of it is queued already: send it again" if of.course.bucket else "nothing was changed"
    log.error("snapshot %s: refused (%s); it is a dead letter, and %s", of.order.snapshot, reason, what)
    of.delivery.reject(of.index, reason, detail)
    of.delivery.note()
    close_all(of.delivery)
    settle(of.delivery)


def close_all(delivery: Delivery) -> None:
    """Before the batch is settled: whoever watches the audience stops, and every snapshot of the batch ends.

    Does nothing for batches of other kinds. May be repeated.
    """
    if delivery.batch.queue.kind != KIND:
        return
    for of in carriers(delivery):
        carried_out = of.order.at if of.course.step == "finish" else None
        members.end(delivery.redis, of.audience, of.order.snapshot, carried_out)
        _close(of)


def _close(of: Carrier) -> None:
    rejection = of.delivery.progress.rejected.get(of.index)
    of.record.state = _state(of)
    if rejection:
        of.record.error = ": ".join([rejection.reason, *filter(None, [rejection.detail.get("detail")])])
    of.record.ended = of.record.ended or now_ms()
    rosters.drop(of.delivery.redis, of.order.snapshot)
    snapshots.close(of.delivery.redis, of.record)


def _state(of: Carrier) -> State:
    if of.index in of.delivery.progress.rejected:
        return "refused"
    stands = of.index in of.delivery.intents and of.index not in of.delivery.progress.overtaken
    return "done" if stands else "superseded"
