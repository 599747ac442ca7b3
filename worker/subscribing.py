"""Subscribing: people who consent to be mailed, called at last and never by mere membership."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from klaviyo.subscriptions import MAX_SUBSCRIBED, subscription
from mappings.consent import Consent
from worker.attaching import attach
from worker.consent_rows import Row, list_may_be_gone, rows_of, send_rows
from worker.delivery import Delivery
from worker.introducing import AT_ONCE, is_known
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
    by_terms: defaultdict[_Terms, list[int]] = defaultdict(list)
    for index in joining:
        by_terms[_terms(consents[index])].append(index)
    for terms, changes in by_terms.items():
        at_once = len(changes) if terms.historical or terms.list_id is not None else AT_ONCE
        with list_may_be_gone(delivery, changes):
            for start in range(0, len(changes), at_once):
                part = {index: joining[index] for index in changes[start : start + at_once]}
                _send(delivery, consents, _sendable(delivery, consents, part, terms), terms)


def _sendable(
    delivery: Delivery, consents: Mapping[int, Consent], joining: Mapping[int, Addresses], terms: _Terms
) -> list[Row]:
    """The rows of these changes, without those by which nobody can be subscribed, or nobody may be."""
    rows = [row for each in joining.items() for row in rows_of(*each)]
    if terms.historical:
        rows = without_outdated(delivery, consents, rows, terms.list_id)
    attached = attach(delivery, _of_both(rows))
    if terms.historical or terms.list_id is not None:
        return rows
    return [row for row in rows if row.parts[0] in attached or is_known(delivery, row)]


def _of_both(rows: list[Row]) -> dict[int, Addresses]:
    """What is left of the addresses of each change."""
    left: defaultdict[int, Addresses] = defaultdict(dict)
    for row in rows:
        left[row.parts[0]] |= row.addresses
    return left


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
