"""Uploads people in import jobs, narrows each refusal down to the rows at fault, and confirms the jobs.

A person is imported when the job is complete and the person is not among its errors.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final, NoReturn

from klaviyo.calls import MAX_ROW_BYTES, chunks
from klaviyo.errors import NotAccepted
from klaviyo.imports import MAX_ROWS, ImportJob, RowFailure, RowFinder
from klaviyo.outcomes import Gone, Retry
from logs import log_ids
from mappings.profile import Profile
from queues.clock import now_ms
from worker.delivery import Delivery, count_import, count_lost_import
from worker.errors import Later, poll_ms
from worker.lists import list_of
from worker.people.batch_people import MAX_ROW, encode_row, identifiers_of
from worker.people.emails import ERASED, erased
from worker.people.recognizing import SEVERAL
from worker.people.verifying import send_alone, verify
from worker.progress import Job
from worker.sending import Why, reject, send

log = logging.getLogger(__name__)
_ENDED: Final = ("complete", "cancelled")
#: What Klaviyo said of import jobs, by their ids; None: it does not know the job.
States = dict[str, ImportJob | None]


def upload(delivery: Delivery) -> None:
    """Upload everybody who is not in an import job yet; each job is written down as soon as Klaviyo accepted it.

    People who join go in jobs for the audience's list, people whose attributes only change in jobs without a list. A
    crash between Klaviyo's 202 and the note repeats that upload, which changes nothing (bulk import is an upsert).
    Raises NotAccepted for refusals that concern more than rows, LeaseLost.
    """
    state = delivery.progress
    for person, intent in delivery.intents.items():
        if intent.ambiguous and person not in state.rejected:
            delivery.reject(person, "ambiguous_person", {"detail": SEVERAL})
    for person in erased(delivery, now_ms()) - state.ended():
        delivery.reject(person, "no_email", {"detail": ERASED})
    done = state.uploaded() | state.ended()
    todo = [person for person, intent in delivery.intents.items() if person not in done and intent.written]
    mapped = profiles(delivery, todo)
    verify(delivery, mapped)
    joining = {person: each for person, each in mapped.items() if delivery.intents[person].membership == "add"}
    if joining:
        state.list_id = list_of(delivery, create=True) or ""
        _send(delivery, joining, state.list_id)
    _send(delivery, {person: each for person, each in mapped.items() if person not in joining}, None)
    state.asked = set()


def profiles(delivery: Delivery, persons: Iterable[int]) -> dict[int, Profile]:
    """Return the profile of each person; people who cannot be mapped are rejected with the reason."""
    found: dict[int, Profile] = {}
    for person in persons:
        mapped = delivery.people.written(delivery.intents[person])
        if not isinstance(mapped, Profile):
            delivery.progress.rejected[person] = mapped
        elif (size := len(encode_row(mapped))) > MAX_ROW:
            delivery.reject(person, "profile_too_large", {"detail": f"{size} bytes; Klaviyo takes {MAX_ROW}"})
        else:
            found[person] = mapped
            if mapped.clear:
                delivery.progress.clear[person] = mapped.clear
            if mapped.warnings:
                delivery.warn(person, *mapped.warnings)
    return found


def row(delivery: Delivery, person: int, profile: Profile) -> bytes:
    """Return the person's row without the identifiers that are left out."""
    state = delivery.progress
    return encode_row(profile, state.profiles.get(person, ""), state.left_out.get(person, ()))


def _send(delivery: Delivery, mapped: dict[int, Profile], list_id: str | None) -> None:
    rows = {person: row(delivery, person, profile) for person, profile in mapped.items()}

    def ask(portion: list[int]) -> None:
        job = _import(delivery, [rows[person] for person in portion], list_id)
        delivery.progress.jobs.append(Job(job.id, portion, listed=list_id is not None))
        delivery.note()
        log.info(
            "batch %s: %d people in import job %s; it is polled until complete",
            delivery.batch.id,
            len(portion),
            job.id,
            extra={"fields": {"stage": "uploaded", "people": len(portion), "job": job.id}},
        )

    def refuse(person: int, why: Why) -> bool:
        if not send_alone(delivery, person, identifiers_of(mapped[person])):
            return reject(delivery, person, why)
        rows[person] = row(delivery, person, mapped[person])
        return True

    portions = chunks(list(rows), MAX_ROWS, MAX_ROW_BYTES, lambda person: len(rows[person]))
    send(delivery, portions, ask, lambda: _check_list(delivery, list_id), refuse)


def _import(delivery: Delivery, rows: list[bytes], list_id: str | None) -> ImportJob:
    """Request an import. Notes before that an import with an unknown job may exist: see erasures/blank.py."""
    before = delivery.progress.sending
    if not before:
        delivery.progress.sending = True
        delivery.keep()
    try:
        job = delivery.klaviyo.import_profiles(rows, list_id)
    except NotAccepted as refusal:
        delivery.progress.sending = before or (isinstance(refusal.outcome, Retry) and not refusal.outcome.untouched)
        raise
    delivery.progress.sending = before
    return job


def _check_list(delivery: Delivery, list_id: str | None) -> None:
    """Raise NotAccepted when no row of a refused import is at fault.

    Klaviyo may refuse an import to a deleted list, or at a revision it does not serve, without naming the cause.
    """
    if list_id is None:
        delivery.klaviyo.account()
    else:
        delivery.klaviyo.get_list(list_id)


def poll(delivery: Delivery) -> States:
    """Ask for the import jobs until one of them has ended, and return what is known then.

    It reads no change of the batch, because no change is needed until a job has ended. Raises Later while no job has
    ended, NotAccepted, LeaseLost.
    """
    found: States = {}
    for job in delivery.progress.jobs:
        if not job.done:
            state = found[job.id] = _state(delivery, job)
            if state is None or state.status in _ENDED:
                return found
    if found:
        _wait(delivery)
    return found


def _wait(delivery: Delivery) -> NoReturn:
    delivery.progress.polls += 1
    raise Later("an import job is not complete yet", poll_ms(delivery.progress.polls - 1) / 1000)


def _state(delivery: Delivery, job: Job) -> ImportJob | None:
    try:
        with log_ids.bound(job=job.id):
            return delivery.klaviyo.import_job(job.id)
    except NotAccepted as refusal:
        if isinstance(refusal.outcome, Gone):
            return None
        raise


def confirm(delivery: Delivery, known: States) -> None:
    """Note the result of each import job that has ended. `known`: what `poll` has found out.

    Raises Later while one is not complete, NotAccepted, LeaseLost.
    """
    for job in delivery.progress.jobs:
        if not job.done:
            with log_ids.bound(job=job.id):
                _check(delivery, job, known[job.id] if job.id in known else _state(delivery, job))
    if not all(job.done for job in delivery.progress.jobs):
        _wait(delivery)
    sent = delivery.progress.uploaded() | delivery.progress.ended()
    if any(intent.written and person not in sent for person, intent in delivery.intents.items()):
        delivery.progress.stage = "upload"
        raise Later("some people are sent again with the e-mail only", 0.5)


def _check(delivery: Delivery, job: Job, state: ImportJob | None) -> None:
    if state is None:
        _again(delivery, job, "is unknown to Klaviyo")
    if state.status == "cancelled":
        _again(delivery, job, "was cancelled")
    if state.status != "complete":
        return
    people = len(job.rows)
    if state.failed:
        _reject_failed(delivery, job)
    job.done = True
    delivery.note()
    count_import(delivery.redis, delivery.batch.queue, state)
    log.info(
        "batch %s: import job %s is complete, %d of %d people failed",
        delivery.batch.id,
        job.id,
        state.failed,
        people,
        extra={"fields": {"stage": "confirmed", "people": people, "failed": state.failed}},
    )


def _again(delivery: Delivery, job: Job, what: str) -> NoReturn:
    """Upload the people of a job again. Always raises Later."""
    people = len(job.rows)
    log.error("batch %s: import job %s %s; its %d people are uploaded again", delivery.batch.id, job.id, what, people)
    count_lost_import(delivery.redis, delivery.batch.queue)
    delivery.progress.jobs.remove(job)
    delivery.progress.stage = "upload"
    raise Later(f"import job {job.id} {what}", 2, attempts=1)


def _reject_failed(delivery: Delivery, job: Job) -> None:
    sent = [_given(delivery, person) for person in job.rows]
    row_of, failed, unknown = RowFinder(sent), dict[int, RowFailure](), 0
    for failure in delivery.klaviyo.import_errors(job.id):
        if (place := row_of(failure)) is None:
            unknown += 1
        else:
            failed[place] = failure
    people = [*job.rows]
    for place, failure in failed.items():
        if send_alone(delivery, people[place], sent[place]):
            job.rows.remove(people[place])
        else:
            detail = {"detail": failure.detail, "error_id": failure.error_id, "job": job.id}
            delivery.reject(people[place], failure.code or "import_failed", detail)
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
