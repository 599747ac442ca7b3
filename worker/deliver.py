"""`deliver(batch_id)`: the task of a worker each time it is rung for a batch.

The kind of the queue defines the stages. When a stage has to wait, the batch goes back and the worker is free; after
the next ring any worker continues from the stored progress.

All log lines of a delivery carry the batch's id, and the first one lists the messages that the batch contains.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import closing
from itertools import islice
from typing import Final

from redis import Redis

from klaviyo.client import Klaviyo
from klaviyo.errors import NotAccepted
from logs import log_ids
from queues import batches, erasure, holds, metrics, queue_facts
from queues.batches import Batch
from queues.change import decode
from queues.clock import now_ms
from queues.connections.accounts import Cipher
from queues.errors import LeaseLost
from queues.holds import Hold
from text.wording import plural
from worker import progress, refusals
from worker.connection import check_account, destination_by, has_known_account, has_new_key, limiter_of
from worker.delivery import LEASE_MS, Delivery, count_lapsed_lease
from worker.erasures import kind as erasures
from worker.errors import HELD_MS, INTERRUPTIONS, DeliveryFailed, Held, Later, ListOwned
from worker.kinds import KINDS, Kind
from worker.lists import is_free
from worker.process import ledger, settings_of_process
from worker.progress import Progress
from worker.settling import settle_on

log = logging.getLogger(__name__)

#: Workers that may die while delivering a batch before its people become dead letters.
MAX_CRASHES = 3
#: Kinds of queue whose changes outlive an older request for erasure.
_OUTLIVING: Final = ("audience", "profile", "event")


def deliver(batch_id: str) -> None:
    """Deliver a batch as far as possible now. This is the task of the RQ job, which carries only the batch's id.

    Raises DeliveryFailed, and redis.RedisError before it holds the batch; in both cases a worker is rung again.
    """
    with log_ids.bound(batch=batch_id), ledger() as redis:
        batch = batches.reclaim(redis, batch_id, now_ms(), LEASE_MS)
        if batch is None:
            log.info(
                "batch %s: held by another worker, waiting for Klaviyo, or settled already; nothing to do", batch_id
            )
            return
        if batch.lapsed:
            count_lapsed_lease(redis, batch.queue)
        take_up(batch)
        try:
            _until_interrupted(redis, batch)
        except LeaseLost as lost:
            log.warning("%s", lost)
        except Exception as fault:  # noqa: BLE001  # any failure
            # RQ logs and stores the exception, so its message must go: it may contain personal data.
            raise DeliveryFailed(batch_id, fault) from None


def _until_interrupted(redis: Redis, batch: Batch) -> None:
    try:
        _go_on(redis, batch)
    except INTERRUPTIONS:
        batches.submit(redis, batch, batches.progress(redis, batch.id), ring_at=now_ms())
        log.warning("batch %s: interrupted and given back; the next worker continues it", batch.id)


def _go_on(redis: Redis, batch: Batch) -> None:
    if batch.decided is not None:
        settle_on(redis, batch, batch.decided)
        return
    known = progress.load(batch.progress)
    seen = queue_facts.read(redis, batch.queue)
    while seen.hold is not None:  # behind the connection's hold there may be one of the queue
        if not _ends(redis, batch, seen.hold):
            log.info("batch %s: waits because %s is held (%s)", batch.id, batch.queue, seen.hold.reason)
            _wait_held(redis, batch, known)
            return
        seen = queue_facts.read(redis, batch.queue)
    kind = KINDS.get(batch.queue.kind)
    if kind is None:
        log.error("batch %s: waits for a newer worker: this one does not know the kind of %s", batch.id, batch.queue)
        batches.submit(redis, batch, batch.progress, now_ms() + HELD_MS)
        return
    try:
        to = destination_by(
            seen, settings_of_process().connections, Cipher(settings_of_process().secret_keys), batch.queue
        )
    except Held as held:
        refusals.hold_connection(redis, batch, held)
        _wait_held(redis, batch, known)
        return
    limiter = limiter_of(redis, to.api_key)
    meter = metrics.BatchMeter(redis, batch.queue.connection)
    klaviyo = Klaviyo(
        settings_of_process().klaviyo_base_url,
        to.api_key,
        limiter,
        before_request=lambda: batches.renew(redis, batch, now_ms(), LEASE_MS, meter.due()),
        meter=meter,
    )
    with closing(klaviyo):
        _stages(
            Delivery(redis, batch, to, klaviyo, known, kind.intents),
            kind,
            has_known_account(seen, settings_of_process(), to.api_key),
            seen.erasing,
        )


def _wait_held(redis: Redis, batch: Batch, known: Progress) -> None:
    """Give the batch back. An erasure on a held connection is first carried out in the ledger."""
    if batch.queue.kind == erasures.KIND and batch.queue.connection in holds.of_connections(redis):
        erasures.forget_here(redis, batch, known, settings_of_process())
    # The next erasures do not have to wait for the hold either.
    batches.submit(redis, batch, progress.dump(known), now_ms() + HELD_MS, sent=known.forgotten)


def _ends(redis: Redis, batch: Batch, hold: Hold) -> bool:
    """End a hold whose cause has gone, as far as the ledger shows; return whether it ended."""
    connection = batch.queue.connection
    if hold.moved is not None:
        if not has_new_key(redis, settings_of_process(), connection, hold.moved):
            return False
        log.warning("%s: it has another key; Ferry asks Klaviyo for its account before anything is sent", connection)
        return holds.release(redis, connection)
    if hold.owned is None or not is_free(redis, settings_of_process(), batch.queue, hold.owned):
        return False
    log.warning("%s: it may use list %s now, or has another list; delivery goes on", batch.queue, hold.owned.list_id)
    holds.release(redis, batch.queue)
    return True


def _stages(delivery: Delivery, kind: Kind, is_known: bool, erasing: bool) -> None:
    """Go on and give the batch back when it has to wait. `is_known`: the account of the key. `erasing`: QueueFacts."""
    try:
        if erasing and delivery.batch.queue.kind in _OUTLIVING:
            _wait_for_erasures(delivery)
        _as_far_as_it_goes(delivery, kind, is_known)
    except Later as later:
        log.info("batch %s: %s", delivery.batch.id, later)
        delivery.progress.trouble = ""  # Klaviyo answered
        delivery.give_back(round(later.after_s * 1000), later.attempts, later.rests)
    except ListOwned as owned:
        refusals.hold_queue(delivery.redis, delivery.batch, owned)
        delivery.give_back(HELD_MS)
    except Held as held:
        refusals.hold_connection(delivery.redis, delivery.batch, held)
        delivery.give_back(HELD_MS)


def _wait_for_erasures(delivery: Delivery) -> None:
    """Raise Later while a person of the batch is still to be deleted whose change arrived after the request.

    The deletion would take the new data along. Once something is sent, the erasure waits for the batch instead.
    """
    state, batch = delivery.progress, delivery.batch
    if state.stage != "upload" or state.sent or state.jobs or state.sending or state.under_way:
        return
    # By the key that names the person: of an id that somebody else has got meanwhile, the erasure asks by itself.
    newest = {change.keys[0]: change.accepted_at for change in batch.changes}
    found = erasure.requested(delivery.redis, batch.queue.connection, newest)
    opened = {each.batch for each in found.open}
    done = {name: progress.load(batches.progress(delivery.redis, name)).ended() for name in opened}
    requests = [each.change for each in found.open if each.number not in done[each.batch]]
    requests += map(decode, found.pending)
    ahead = sum(any(newest.get(key, 0) > each.accepted_at for key in each.keys) for each in requests)
    if ahead:
        raise Later(f"{plural(ahead, 'erasure')} of its people must be carried out first", erasures.OPEN_S)


def _as_far_as_it_goes(delivery: Delivery, kind: Kind, is_known: bool) -> None:
    crashes = delivery.batch.crashes
    if crashes >= MAX_CRASHES:
        return refusals.give_up(delivery, f"{crashes} workers died on it", "crashed_worker", {"crashes": crashes})
    try:
        connection = delivery.batch.queue.connection
        if not is_known:
            check_account(delivery.redis, settings_of_process(), connection, delivery.to.api_key, delivery.klaviyo)
        return kind.stages(delivery)
    except NotAccepted as refusal:
        return refusals.handle(delivery, refusal)


#: Most messages that a log line lists.
_NAMED: Final = 10


def take_up(batch: Batch) -> None:
    """Log the messages of a batch, once, by its first worker. Call it within `log_ids.bound`."""
    log_ids.bind(queue=str(batch.queue))
    if batch.token > 1:
        return
    distinct = list(dict.fromkeys(change.body.message for change in batch.changes if change.body.message))
    named = nameable(distinct)
    log.info(
        "batch %s: taken up; %d changes of %d messages%s",
        batch.id,
        len(batch.changes),
        len(distinct),
        f", among them {', '.join(named)}" if named else "",
        extra={"fields": {"stage": "taken_up", "changes": len(batch.changes), "messages": named}},
    )


def nameable(messages: Iterable[str]) -> list[str]:
    """Return the first message ids that may be logged: senders choose them, and may use an address as id. Pure."""
    return list(islice((message for message in messages if log_ids.is_opaque(message)), _NAMED))
