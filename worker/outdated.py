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
    """The rows of historical consents without the addresses that left later; one without any is done, and warned of.

    Klaviyo lifts an unsubscribe for every subscription, however old the consent (Klaviyo: bulk subscribe profiles).
    Raises NotAccepted.
    """
    for field in _FIELDS:
        left = _departures(delivery, field, rows, list_id)
        for row in rows:
            index = row.changes[0]
            if index in left and left[index] >= datetime.fromisoformat(consents[index].consented_at or ""):
                del row.addresses[field]
                delivery.warn(index, "consent_outdated")
    outdated = [row.changes[0] for row in rows if not row.addresses]
    if outdated:
        log.info("batch %s: %d people left after they had consented; they stay left", delivery.batch.id, len(outdated))
    delivery.progress.sent.update(outdated)
    return [row for row in rows if row.addresses and row.changes[0] not in delivery.progress.rejected]


def _departures(delivery: Delivery, field: Field, rows: Sequence[Row], list_id: str | None) -> dict[int, datetime]:
    """By change; an address that Klaviyo does not look up costs its change only."""
    addresses = {row.changes[0]: row.addresses[field] for row in rows if field in row.addresses}
    found: dict[int, datetime] = {}

    def ask(portion: list[int]) -> None:
        left = delivery.klaviyo.departures(field, [addresses[index] for index in portion], list_id)
        found.update((index, left[addresses[index]]) for index in portion if addresses[index] in left)

    send(delivery, [list(addresses)] if addresses else [], ask, lambda: check(delivery, list_id))
    return found
