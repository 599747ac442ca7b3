"""Confirming: 202 is not delivered. An import job is, when complete and the person is not among its errors."""

from __future__ import annotations

import logging

import orjson

import log_ids
from klaviyo.errors import NotAccepted
from klaviyo.imports import RowFailure
from klaviyo.outcomes import Gone
from worker import counting
from worker.delivery import Delivery
from worker.errors import Later
from worker.people import IDENTIFIERS, rows
from worker.progress import Job
from worker.waiting import poll_ms

log = logging.getLogger(__name__)


def confirm(delivery: Delivery) -> None:
    """Look at each unfinished import job. Raises Later while one is not complete, NotAccepted, LeaseLost."""
    for job in delivery.progress.jobs:
        if not job.done:
            with log_ids.bound(job=job.id):
                _look(delivery, job)
    if not all(job.done for job in delivery.progress.jobs):
        delivery.progress.polls += 1
        raise Later("an import job is not complete yet", poll_ms(delivery.progress.polls - 1) / 1000)


def _look(delivery: Delivery, job: Job) -> None:
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
    if state.failed:
        _reject_failed(delivery, job)
    job.done = True
    delivery.note()
    counting.imported(delivery.redis, delivery.batch.queue, state)
    log.info(
        "batch %s: import job %s is complete, %d of %d people failed",
        delivery.batch.id,
        job.id,
        state.failed,
        len(job.rows),
        extra={"fields": {"stage": "confirmed", "people": len(job.rows), "failed": state.failed}},
    )


def _again(delivery: Delivery, job: Job, what: str) -> None:
    """Upload the people of a job anew. Always raises Later."""
    log.error(
        "batch %s: import job %s %s; its %d people are uploaded again",
        delivery.batch.id,
        job.id,
        what,
        len(job.rows),
    )
    counting.lost(delivery.redis, delivery.batch.queue)
    delivery.progress.jobs.remove(job)
    delivery.progress.stage = "upload"
    raise Later(f"import job {job.id} {what}", 2, attempts=1)


def _reject_failed(delivery: Delivery, job: Job) -> None:
    known = _by_identifier(delivery, job)
    unknown = 0
    for failure in delivery.klaviyo.import_errors(job.id):
        person = _person(failure, job, known)
        if person is None:
            unknown += 1
        else:
            detail = {"detail": failure.detail, "error_id": failure.error_id, "job": job.id}
            delivery.reject(person, failure.code or "import_failed", detail)
    if unknown:
        log.error(
            "batch %s: %d errors of import job %s name nobody in it; its people become dead letters to look at",
            delivery.batch.id,
            unknown,
            job.id,
        )
        rest = [person for person in job.rows if person not in delivery.progress.rejected]
        delivery.reject_all(rest, "import_unconfirmed", {"job": job.id})


def _person(failure: RowFailure, job: Job, known: dict[tuple[str, str], int]) -> int | None:
    """Whom a failure is about: by the identifiers Klaviyo repeats, else by the row it points to."""
    attributes = (failure.payload or {}).get("attributes", failure.payload) or {}
    for name in IDENTIFIERS:
        person = known.get((name, str(attributes.get(name)).lower()))
        if person is not None:
            return person
    if failure.index is not None and failure.index < len(job.rows):
        return job.rows[failure.index]
    return None


def _by_identifier(delivery: Delivery, job: Job) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for person, row in rows(delivery, job.rows).items():
        attributes = orjson.loads(row)["attributes"]
        for name in IDENTIFIERS:
            if name in attributes:
                found[(name, attributes[name].lower())] = person
    return found
