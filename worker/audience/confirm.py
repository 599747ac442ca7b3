"""Confirms imports: a person is imported when the job is complete and the person is not among its errors."""

from __future__ import annotations

import logging

from identity.sending import IDENTIFIERS
from klaviyo.errors import NotAccepted
from klaviyo.imports import RowFailure
from klaviyo.lookups import folded
from klaviyo.outcomes import Gone
from logs import log_ids
from mappings.profile import Profile
from worker import delivery_metrics
from worker.backoff import poll_ms
from worker.delivery import Delivery
from worker.errors import Later
from worker.people.batch_people import identifiers_of
from worker.people.verifying import send_alone
from worker.progress import Job

log = logging.getLogger(__name__)


def confirm(delivery: Delivery) -> None:
    """Check each unfinished import job. Raises Later while one is not complete, NotAccepted, LeaseLost."""
    for job in delivery.progress.jobs:
        if not job.done:
            with log_ids.bound(job=job.id):
                _check(delivery, job)
    if not all(job.done for job in delivery.progress.jobs):
        delivery.progress.polls += 1
        raise Later("an import job is not complete yet", poll_ms(delivery.progress.polls - 1) / 1000)
    sent = delivery.progress.uploaded() | delivery.progress.ended()
    if any(intent.written and person not in sent for person, intent in delivery.intents.items()):
        delivery.progress.stage = "upload"
        raise Later("some people are sent again with the e-mail only", 0.5)


def _check(delivery: Delivery, job: Job) -> None:
    try:
        state = delivery.klaviyo.import_job(job.id)
    except NotAccepted as refusal:
        if isinstance(refusal.outcome, Gone):
            _again(delivery, job, "is unknown to Klaviyo")
        raise
    if state.status == "cancelled":
        _again(delivery, job, "was cancelled")
    if state.status != "complete":
        return
    people = len(job.rows)
    if state.failed:
        _reject_failed(delivery, job)
    job.done = True
    delivery.note()
    delivery_metrics.imported(delivery.redis, delivery.batch.queue, state)
    log.info(
        "batch %s: import job %s is complete, %d of %d people failed",
        delivery.batch.id,
        job.id,
        state.failed,
        people,
        extra={"fields": {"stage": "confirmed", "people": people, "failed": state.failed}},
    )


def _again(delivery: Delivery, job: Job, what: str) -> None:
    """Upload the people of a job again. Always raises Later."""
    log.error(
        "batch %s: import job %s %s; its %d people are uploaded again",
        delivery.batch.id,
        job.id,
        what,
        len(job.rows),
    )
    delivery_metrics.lost(delivery.redis, delivery.batch.queue)
    delivery.progress.jobs.remove(job)
    delivery.progress.stage = "upload"
    raise Later(f"import job {job.id} {what}", 2, attempts=1)


def _reject_failed(delivery: Delivery, job: Job) -> None:
    sent = {person: given for person in job.rows if (given := _given(delivery, person))}
    known = _by_identifier(sent)
    failed: dict[int, RowFailure] = {}
    unknown = 0
    for failure in delivery.klaviyo.import_errors(job.id):
        person = _person(failure, job, known)
        if person is None:
            unknown += 1
        else:
            failed[person] = failure
    for person, failure in failed.items():
        if send_alone(delivery, person, sent[person]):
            job.rows.remove(person)
        else:
            detail = {"detail": failure.detail, "error_id": failure.error_id, "job": job.id}
            delivery.reject(person, failure.code or "import_failed", detail)
    if unknown:
        log.error(
            "batch %s: %d errors of import job %s match none of its people; the rest of them become dead letters",
            delivery.batch.id,
            unknown,
            job.id,
        )
        rest = [person for person in job.rows if person not in delivery.progress.rejected]
        delivery.reject_all(rest, "import_unconfirmed", {"job": job.id})


def _given(delivery: Delivery, person: int) -> dict[str, str]:
    """Return the mapped identifiers of a person, sent or not."""
    mapped = delivery.people.written(delivery.intents[person])
    return identifiers_of(mapped) if isinstance(mapped, Profile) else {}


def _person(failure: RowFailure, job: Job, known: dict[tuple[str, str], int]) -> int | None:
    """Return the person of a failure: by the identifiers that Klaviyo repeats, else by the row it points to."""
    attributes = (failure.payload or {}).get("attributes", failure.payload) or {}
    for name in IDENTIFIERS:
        value = str(attributes.get(name))
        person = known.get((name, folded(name, value)))
        if person is not None:
            return person
    if failure.index is not None and failure.index < len(job.rows):
        return job.rows[failure.index]
    return None


def _by_identifier(sent: dict[int, dict[str, str]]) -> dict[tuple[str, str], int]:
    """Map each identifier that was sent with exactly one person to that person."""
    found: dict[tuple[str, str], int] = {}
    for person, given in sent.items():
        for pair in given.items():
            found[pair] = person if pair not in found else -1
    return {pair: person for pair, person in found.items() if person >= 0}
