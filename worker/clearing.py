"""Clearing: standard fields that the CDP deleted are emptied one person at a time, for a bulk import ignores nulls."""

from __future__ import annotations

import logging

from identity.sending import first_of
from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Conflict, Dead
from worker.delivery import Delivery
from worker.proving import given

log = logging.getLogger(__name__)

#: Progress is written down after so many people; clearing the same field twice does no harm.
NOTE_EVERY = 50


def clear(delivery: Delivery) -> None:
    """Empty what is to be emptied, after the import that may have created the person. Raises NotAccepted, LeaseLost."""
    waiting = delivery.progress.clear
    for done, person in enumerate(sorted(waiting), 1):
        fields = waiting[person]
        if person not in delivery.progress.rejected:
            _clear(delivery, person, fields)
        del waiting[person]
        if done % NOTE_EVERY == 0:
            delivery.note()


def _clear(delivery: Delivery, person: int, fields: tuple[str, ...]) -> None:
    sent = given(delivery, person)
    name = first_of(sent)
    try:
        delivery.klaviyo.clear_fields({name: sent[name]}, fields)
    except NotAccepted as refusal:
        match refusal.outcome:
            case Dead(reason=reason, detail=detail, error_id=error_id):
                delivery.reject(person, reason, {"detail": detail, "error_id": error_id, "fields": list(fields)})
            case Conflict(error_id=error_id):
                delivery.reject(person, "identity_clash", {"error_id": error_id, "fields": list(fields)})
            case _:
                raise
