"""Uploading: people become import jobs, and every refusal is narrowed down to the rows that deserve it."""

from __future__ import annotations

import logging

from klaviyo.chunks import chunks
from klaviyo.imports import MAX_ROW_BYTES, MAX_ROWS
from worker.delivery import Delivery
from worker.list_of import list_of
from worker.people import rows
from worker.progress import Job
from worker.sending import send

log = logging.getLogger(__name__)


def upload(delivery: Delivery) -> None:
    """Send everybody who is not in an import job yet; each job is written down the moment Klaviyo took it.

    Members-to-be go in jobs on the audience's list, people whose attributes only change in jobs without one. A crash
    between Klaviyo's 202 and the note repeats that upload, which changes nothing (bulk import is an upsert).
    Raises NotAccepted for refusals that concern more than rows, LeaseLost.
    """
    done = delivery.progress.uploaded() | delivery.progress.rejected.keys()
    todo = [intent for person, intent in delivery.intents.items() if person not in done and intent.written]
    joining = [intent.last for intent in todo if intent.membership == "add"]
    updating = [intent.last for intent in todo if intent.membership != "add"]
    mapped = rows(delivery, joining)
    if mapped:
        _send(delivery, mapped, list_of(delivery, create=True))
    _send(delivery, rows(delivery, updating), None)


def _send(delivery: Delivery, mapped: dict[int, bytes], list_id: str | None) -> None:
    def ask(portion: list[int]) -> None:
        job = delivery.klaviyo.import_profiles([mapped[person] for person in portion], list_id)
        delivery.progress.jobs.append(Job(job.id, portion))
        delivery.note()
        log.info(
            "batch %s: %d people in import job %s; it is polled until complete",
            delivery.batch.id,
            len(portion),
            job.id,
            extra={"fields": {"stage": "uploaded", "people": len(portion), "job": job.id}},
        )

    portions = chunks(list(mapped), MAX_ROWS, MAX_ROW_BYTES, lambda person: len(mapped[person]))
    send(delivery, portions, ask, lambda: _check(delivery, list_id))


def _check(delivery: Delivery, list_id: str | None) -> None:
    """Raise NotAccepted where nobody in a refused import is at fault.

    Klaviyo may refuse one onto a deleted list, or at a revision it does not serve, without naming either.
    """
    if list_id is None:
        delivery.klaviyo.account()
    else:
        delivery.klaviyo.get_list(list_id)
