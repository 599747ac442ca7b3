"""Settles a batch: writes down the outcome of each of its changes."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator

from msgspec import structs
from redis import Redis

from identity.persons import Intent
from queues import batches, owners, pending
from queues.batches import Batch
from queues.clock import now_ms
from queues.history.settled import BatchOutcomes, ImportRows, Settled, columns, pack
from queues.settlement import Decided, Settlement, Undeliverable
from queues.snapshots import outcomes
from queues.snapshots.orders import KIND
from queues.snapshots.outcomes import BatchResult
from worker.audience.remove import NOT_ON_LIST
from worker.delivery import Delivery, count_deaths, count_findings

log = logging.getLogger(__name__)


def settle(delivery: Delivery) -> None:
    """Settle the batch. Raises LeaseLost.

    For a delivered person the last change counts as delivered and the earlier ones as superseded. For a rejected person
    every change becomes a dead letter, so that a replay restores all of them. For an overtaken intent every change
    counts as superseded, and so does each change that an erasure has blanked.
    """
    dead = [
        Undeliverable(index, rejection.reason, rejection.detail)
        for person, rejection in delivery.progress.rejected.items()
        for index in delivery.intents[person].indexes
    ]
    dead.sort(key=lambda letter: letter.index)
    left = [intent for person, intent in delivery.intents.items() if person not in delivery.progress.rejected]
    delivered = [intent for intent in left if intent.last not in delivery.progress.overtaken]
    imported = sum(intent.last in delivery.progress.unproved for intent in delivered)
    superseded = sum(len(intent.indexes) for intent in left) - len(delivered) + len(delivery.erased)
    now = now_ms()
    end = Settlement(
        superseded=superseded,
        imported=imported,
        dead=dead,
        moved=[index for intent in delivered for index in _naming(delivery, intent)],
        warnings=_warnings(delivery, delivered),
        history=_history(delivery, now),
    )
    if delivery.batch.queue.kind == "audience" and (results := _results(delivery)):
        # Before the settlement, so that a snapshot never seems delivered less than it is.
        outcomes.note(delivery.redis, delivery.batch.id, results)
    due = batches.settle(delivery.redis, delivery.batch, end, now)
    _report(delivery.redis, delivery.batch, Decided(len(delivery.batch.changes), end), due)


def settle_on(redis: Redis, batch: Batch, decided: Decided) -> None:
    """Continue a settlement that another worker has begun to write. Raises LeaseLost."""
    log.info("batch %s: a worker stopped while it was settled; the rest of its outcomes is written now", batch.id)
    _report(redis, batch, decided, batches.settle_on(redis, batch, decided, now_ms()))


def _report(redis: Redis, batch: Batch, decided: Decided, due: bool) -> None:
    """Log and count the outcomes of a settled batch; `due`: whether its queue is due again."""
    end, delivered = decided.end, decided.delivered
    counts = {"delivered": delivered, "superseded": end.superseded, "dead": len(end.dead)}
    counts |= {"imported": end.imported} if end.imported else {}
    log.info(
        "batch %s: settled; %d delivered%s, %d superseded, %d dead letters, warnings: %s%s",
        batch.id,
        delivered,
        f", {end.imported} imported without a check of the list" if end.imported else "",
        end.superseded,
        len(end.dead),
        ", ".join(f"{code} {people}" for code, people in end.warnings.items()) or "none",
        "; its queue is due again" if due else "",
        extra={"fields": {"stage": "settled", **counts, "warnings": dict(end.warnings)}},
    )
    if due:
        pending.wake(redis)
    owners.release(redis, batch.queue.connection, batch.id)
    count_findings(redis, batch.queue, end.warnings)
    count_deaths(redis, batch.queue, [letter.reason for letter in end.dead])


def _naming(delivery: Delivery, intent: Intent) -> set[int]:
    """Return the person's last change and the last one with an e-mail: older dead letters may name either.

    None later than the one that decided the membership: a dead letter between that one and a later update is newer,
    such as a removal beside a replayed join.
    """
    known = [i for i in intent.indexes if intent.decisive is not None and i <= intent.decisive]
    with_email = [i for i in known if delivery.people.who(i).email]
    return {*known[-1:], *with_email[-1:]}


def _warnings(delivery: Delivery, delivered: list[Intent]) -> dict[str, int]:
    noted = delivery.progress.warnings
    found = Counter(code for intent in delivered for code in noted.get(intent.last, ()))
    found["late"] = len(delivery.people.late) if delivery.batch.queue.kind == "audience" else 0
    return {code: people for code, people in found.items() if people}


def _history(delivery: Delivery, now: int) -> bytes:
    """Return the record of the batch from which a person's history is shown; it contains no personal data."""
    batch = delivery.batch
    state = delivery.progress
    warned = {person: codes for person, codes in state.warnings.items() if person not in state.rejected}
    imported = tuple(sorted(state.unproved - state.rejected.keys() - state.overtaken))
    ends = BatchOutcomes(tuple(_jobs(delivery)), _superseded(delivery), _dead(delivery), warned, imported)
    kept = [structs.replace(c, keys=()) if i in delivery.erased else c for i, c in enumerate(batch.changes)]
    changes = columns(kept, batch.taken)
    return pack(Settled(batch.id, batch.reason, batch.taken, now, batch.attempts, ends, changes))


def _jobs(delivery: Delivery) -> Iterator[ImportRows]:
    failed = Counter(rejection.detail.get("job") for rejection in delivery.progress.rejected.values())
    for job in delivery.progress.jobs:
        yield ImportRows(job.id, tuple(job.rows), failed[job.id])


def _superseded(delivery: Delivery) -> dict[int, int | None]:
    """Map each superseded change to the change that superseded it; None when that one is not recorded."""
    state = delivery.progress
    left = [intent for person, intent in delivery.intents.items() if person not in state.rejected]
    swallowed = {index: intent.last for intent in left for index in intent.indexes[:-1]}
    overtaken = (person for person in state.overtaken if person not in state.rejected)
    return {**swallowed, **dict.fromkeys([*overtaken, *delivery.erased])}


def _dead(delivery: Delivery) -> dict[int, str]:
    rejected = delivery.progress.rejected
    return {index: known.reason for person, known in rejected.items() for index in delivery.intents[person].indexes}


def _results(delivery: Delivery) -> dict[str, BatchResult]:
    """Return the results of a batch that is about to be settled, by snapshot; empty for other changes."""
    found: defaultdict[str, BatchResult] = defaultdict(lambda: BatchResult(now_ms()))
    for person, intent in delivery.intents.items():
        for index in intent.indexes:
            body = delivery.batch.changes[index].body
            if body.source == KIND and body.message:
                _count_result(found[body.message], delivery, person, index == intent.last)
                # A replayed dead letter was counted as dead before.
                found[body.message].dead -= body.replayed
    return dict(found)


def _count_result(result: BatchResult, delivery: Delivery, person: int, is_last: bool) -> None:
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
