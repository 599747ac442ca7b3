"""Subscribing: people who consent to be mailed, called at last and never by mere membership."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from klaviyo.subscriptions import MAX_SUBSCRIBED, subscription
from mappings.consent import Consent
from worker.consent_rows import Row, list_may_be_gone, row_of, send_rows
from worker.delivery import Delivery
from worker.introducing import AT_ONCE, introduced
from worker.outdated import without_outdated
from worker.overtaking import Addresses

log = logging.getLogger(__name__)


class _Terms(NamedTuple):
    """What all people of one request have in common."""

    list_id: str | None
    custom_source: str | None
    historical: bool


def subscribe(delivery: Delivery, consents: Mapping[int, Consent], joining: Mapping[int, Addresses]) -> None:
    """Subscribe these addresses, by change. Raises NotAccepted, LeaseLost."""
    by_terms: defaultdict[_Terms, list[Row]] = defaultdict(list)
    for index, addresses in joining.items():
        by_terms[_terms(consents[index])].append(row_of(index, addresses))
    for terms, rows in by_terms.items():
        with list_may_be_gone(delivery, [row.parts[0] for row in rows]):
            if terms.historical:
                _send(delivery, consents, without_outdated(delivery, consents, rows, terms.list_id), terms)
            elif terms.list_id is not None:
                _send(delivery, consents, rows, terms)
            else:
                for start in range(0, len(rows), AT_ONCE):
                    _send(delivery, consents, introduced(delivery, rows[start : start + AT_ONCE]), terms)


def _terms(consent: Consent) -> _Terms:
    return _Terms(consent.list_id, consent.custom_source, consent.consented_at is not None)


def _send(delivery: Delivery, consents: Mapping[int, Consent], rows: list[Row], terms: _Terms) -> None:
    list_id, custom_source, historical = terms

    def ask(portion: list[Row]) -> None:
        found = [_encoded(row, consents[row.parts[0]].consented_at) for row in portion]
        delivery.klaviyo.subscribe(found, list_id, custom_source, historical=historical)
        fields = {"stage": "uploaded", "people": len(portion)}
        log.info(
            "batch %s: %d people subscribe to %s",
            delivery.batch.id,
            len(portion),
            list_id or "no list",
            extra={"fields": fields},
        )

    send_rows(delivery, rows, MAX_SUBSCRIBED, list_id, ask)


def _encoded(row: Row, consented_at: str | None) -> bytes:
    return subscription(row.addresses.get("email"), row.addresses.get("phone_number"), consented_at)
