"""Handles a refusal by Klaviyo that concerns more than rows: retry later, hold, or give up."""

from __future__ import annotations

import logging
import random
from typing import Any

from redis import Redis

from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Bisect, Dead, HoldNeeded, Retry, summary
from queues import holds
from queues.batches import Batch
from queues.clock import now_ms
from queues.names import Queue
from worker import lists
from worker.consents.rows import let_it_arrive
from worker.delivery import Delivery, count_retry
from worker.errors import HELD_MS, AccountChanged, Held, ListOwned, retry_ms
from worker.membership import keep_members
from worker.settling import settle
from worker.snapshots.apply import close_all

log = logging.getLogger(__name__)

#: Counted attempts that may fail before the people of a batch become dead letters. They take about an hour, which is
#: longer than most outages in which Klaviyo answers 5xx.
MAX_ATTEMPTS = 20


def handle(delivery: Delivery, refusal: NotAccepted) -> None:
    """Give the batch back, hold its queue or connection, or settle it with dead letters. Raises Later, LeaseLost."""
    if _blames_what_it_was_sent(refusal) and (other := _fault_of_connection(delivery)):
        refusal = other
    outcome = refusal.outcome
    match outcome:
        case Retry(after_s=after_s, counts=counts):
            _retry(delivery, refusal, after_s, int(counts))
        case HoldNeeded(scope=scope, reason=reason, resolve=resolve, error_id=error_id):
            queue = delivery.batch.queue
            on = queue.connection if scope == "connection" else queue
            _hold(delivery.redis, on, holds.Hold(reason, now_ms(), resolve, error_id, probed=scope == "connection"))
            delivery.give_back(HELD_MS)
        case Dead(reason=reason, detail=detail, error_id=error_id):
            give_up(delivery, summary(outcome), reason, {"detail": detail, "error_id": error_id})
        case _:
            _retry(delivery, refusal, None, 1)


def _blames_what_it_was_sent(refusal: NotAccepted) -> bool:
    match refusal.outcome:
        case Bisect() | HoldNeeded(reason="list_refused"):
            return True
    return False


def _fault_of_connection(delivery: Delivery) -> NotAccepted | None:
    """Return the refusal of a request that is surely valid, as when Klaviyo does not serve the revision."""
    try:
        delivery.klaviyo.account()
    except NotAccepted as refusal:
        return refusal
    return None


def hold_connection(redis: Redis, batch: Batch, held: Held) -> None:
    """Hold the connection of a batch for a setting that a person has to correct, or an account to confirm."""
    moved = held.moved if isinstance(held, AccountChanged) else None
    # A probe only checks whether the key works, and a key of another account does.
    hold = holds.Hold(held.reason, now_ms(), held.resolve, probed=moved is None, moved=moved)
    _hold(redis, batch.queue.connection, hold)


def hold_queue(redis: Redis, batch: Batch, held: ListOwned) -> None:
    """Hold the queue of a batch, because another queue keeps its list."""
    if holds.place(redis, batch.queue, lists.hold(redis, batch.queue, held)):
        # Without the names of the audiences, which only the hold contains.
        what = "%s is held (%s): %s. `ferry holds` shows what ends the hold. Nothing is lost, intake goes on"
        log.error(what, batch.queue, held.reason, held.resolve)


def _retry(delivery: Delivery, refusal: NotAccepted, after_s: float | None, attempts: int) -> None:
    batch = delivery.batch
    if batch.attempts + attempts >= MAX_ATTEMPTS:
        why = f"{MAX_ATTEMPTS} attempts failed, the last one with {summary(refusal.outcome)}"
        return give_up(delivery, why, "gave_up", {"detail": str(refusal)})
    wait = retry_ms(delivery.progress.faults, after_s, random.random())  # noqa: S311  # jitter, no secret
    delivery.progress.faults += 1
    delivery.progress.trouble = refusal.outcome.why if isinstance(refusal.outcome, Retry) else summary(refusal.outcome)
    count_retry(delivery.redis, batch.queue, refusal.outcome)
    log.warning(
        "batch %s: %s; tried again in %.1f s, %d of %d attempts spent",
        batch.id,
        refusal,
        wait / 1000,
        batch.attempts + attempts,
        MAX_ATTEMPTS,
    )
    return delivery.give_back(wait, attempts)


def give_up(delivery: Delivery, why: str, reason: str, detail: dict[str, Any]) -> None:
    """Settle the batch; everybody without an outcome becomes a dead letter. `why`: for the log.

    Raises Later while Klaviyo may still carry out something for the others, LeaseLost.
    """
    log.error(
        "batch %s: %s; people not delivered yet become dead letters; replay them when the cause is fixed",
        delivery.batch.id,
        why,
    )
    delivery.reject_rest(reason, detail)
    let_it_arrive(delivery)
    keep_members(delivery)
    close_all(delivery)
    settle(delivery)


def _hold(redis: Redis, on: Queue | str, hold: holds.Hold) -> None:
    if holds.place(redis, on, hold):
        log.error("%s is held (%s). %s. Nothing is lost, intake goes on", on, hold.reason, hold.resolve.rstrip("."))
