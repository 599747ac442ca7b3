"""Uploads people in import jobs, and narrows each refusal down to the rows at fault."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from klaviyo.calls import MAX_ROW_BYTES, chunks
from klaviyo.errors import NotAccepted
from klaviyo.imports import MAX_ROWS, ImportJob
from klaviyo.outcomes import Retry
from mappings.profile import Profile
from worker.delivery import Delivery
from worker.lists import list_of
from worker.people.batch_people import MAX_ROW, encode_row, identifiers_of
from worker.people.recognizing import SEVERAL
from worker.people.verifying import send_alone, verify
from worker.progress import Job
from worker.sending import Why, reject, send

log = logging.getLogger(__name__)


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
    send(delivery, portions, ask, lambda: _check(delivery, list_id), refuse)


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


def _check(delivery: Delivery, list_id: str | None) -> None:
    """Raise NotAccepted when no row of a refused import is at fault.

    Klaviyo may refuse an import to a deleted list, or at a revision it does not serve, without naming the cause.
    """
    if list_id is None:
        delivery.klaviyo.account()
    else:
        delivery.klaviyo.get_list(list_id)
