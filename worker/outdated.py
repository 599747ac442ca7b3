"""Outdated: a consent given earlier subscribes nobody who has left at Klaviyo since."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from klaviyo.members import Field
from mappings.consent import Consent
from worker.consent_rows import Row, check
from worker.delivery import Delivery
from worker.sending import send

log = logging.getLogger(__name__)

_FIELDS: Final[tuple[Field, ...]] = ("email", "phone_number")


def without_outdated(
    delivery: Delivery, consents: Mapping[int, Consent], rows: Sequence[Row], list_id: str | None
) -> list[Row]:
    """The rows of historical consents, each of one change and address, without the addresses that left later.

    A change without any is done, and warned of. Klaviyo lifts an unsubscribe for every subscription, however old the
    consent (Klaviyo: bulk subscribe profiles). Raises NotAccepted.
    """
    kept: list[Row] = []
    for field in _FIELDS:
        told = {row.parts[0]: row for row in rows if field in row.addresses}
        left = _departures(delivery, field, told, list_id)
        gone = {index for index, at in left.items() if at >= datetime.fromisoformat(consents[index].consented_at or "")}
        for index in gone:
            delivery.warn(index, "consent_outdated")
        kept += [row for index, row in told.items() if index not in gone]
    outdated = {row.parts[0] for row in rows} - {row.parts[0] for row in kept}
    if outdated:
        log.info("batch %s: %d people left after they had consented; they stay left", delivery.batch.id, len(outdated))
    delivery.progress.sent.update(outdated)
    return [row for row in kept if row.parts[0] not in delivery.progress.rejected]


def _departures(delivery: Delivery, field: Field, told: Mapping[int, Row], list_id: str | None) -> dict[int, datetime]:
    """By change; an address that Klaviyo does not look up costs its change only."""
    addresses = {index: row.addresses[field] for index, row in told.items()}
    found: dict[int, datetime] = {}

    def ask(portion: list[int]) -> None:
        left = delivery.klaviyo.departures(field, [addresses[index] for index in portion], list_id)
        found.update((index, left[addresses[index]]) for index in portion if addresses[index] in left)

    send(delivery, [list(addresses)] if addresses else [], ask, lambda: check(delivery, list_id))
    return found
