"""Subscribing: people who consent to be mailed, called at last and never by mere membership.

Introducing: Klaviyo is told of people before they subscribe without a list, which makes nobody known.

It takes such a subscription of somebody it does not know with a 202, and forgets it (seen live, 2026).

Outdated: a consent given earlier subscribes nobody who has left at Klaviyo since.

Passed on: a consent of somebody who entered an audience names its list, on which the person is already. It goes without
the list: a subscription that names one puts people on it, also who has left the audience meanwhile. Who unsubscribed
from the list before goes with it, which lifts that, but only while the person is on it.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from klaviyo.errors import NotAccepted
from klaviyo.members import Field
from klaviyo.outcomes import Dead
from klaviyo.subscriptions import MAX_SUBSCRIBED, subscription
from mappings.consent import Consent
from worker.attaching import attach
from worker.consents.rows import PASSED_ON, SubscriptionRow, check, list_may_be_gone, members_of, rows_of, send_rows
from worker.consents.supersede import Addresses
from worker.delivery import Delivery
from worker.sending import send

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
                for list_id, rows in _sendable(delivery, consents, part, terms):
                    _send(delivery, consents, rows, terms._replace(list_id=list_id))


def _sendable(
    delivery: Delivery, consents: Mapping[int, Consent], joining: Mapping[int, Addresses], terms: _Terms
) -> list[tuple[str | None, list[SubscriptionRow]]]:
    """List -> the rows of these changes, without those by which nobody can be subscribed, or nobody may be."""
    rows = [row for each in joining.items() for row in rows_of(*each)]
    returning: set[int] = set()
    if terms.historical:
        rows, returning = without_outdated(delivery, consents, rows, terms.list_id)
    attached = attach(delivery, _of_both(rows))
    if terms.list_id is None and not terms.historical:
        rows = [row for row in rows if row.parts[0] in attached or is_known(delivery, row)]
    return _by_list(delivery, rows, returning, terms.list_id)


def _by_list(
    delivery: Delivery, rows: list[SubscriptionRow], returning: set[int], list_id: str | None
) -> list[tuple[str | None, list[SubscriptionRow]]]:
    """With the list, and without it: see *Passed on* above. A change has all its rows on one side."""
    if list_id is None:
        return [(None, rows)]
    passed_on = {
        index for index in (row.parts[0] for row in rows) if delivery.batch.changes[index].body.source == PASSED_ON
    }
    back = _of_both([row for row in rows if row.parts[0] in passed_on & returning])
    members = {index for field in _FIELDS for index in members_of(delivery, list_id, field, back)}
    bare = passed_on - members
    left = [row for row in rows if row.parts[0] not in delivery.progress.rejected]
    return [
        (list_id, [row for row in left if row.parts[0] not in bare]),
        (None, [row for row in left if row.parts[0] in bare]),
    ]


def _of_both(rows: list[SubscriptionRow]) -> dict[int, Addresses]:
    """What is left of the addresses of each change."""
    left: defaultdict[int, Addresses] = defaultdict(dict)
    for row in rows:
        left[row.parts[0]] |= row.addresses
    return left


def _terms(consent: Consent) -> _Terms:
    return _Terms(consent.list_id, consent.custom_source, consent.consented_at is not None)


def _send(delivery: Delivery, consents: Mapping[int, Consent], rows: list[SubscriptionRow], terms: _Terms) -> None:
    if not rows:
        return
    list_id, custom_source, historical = terms

    def ask(portion: list[SubscriptionRow]) -> None:
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


def _encoded(row: SubscriptionRow, consented_at: str | None) -> bytes:
    return subscription(row.addresses.get("email"), row.addresses.get("phone_number"), consented_at)


#: So many people, one request for each of their addresses, are introduced before they subscribe: at Klaviyo's 750 a
#: minute a larger portion could be throttled away each time it is begun anew.
AT_ONCE = 100


def is_known(delivery: Delivery, row: SubscriptionRow) -> bool:
    """Whether Klaviyo knows somebody by the row's address now; whoever it refuses is rejected. Raises NotAccepted."""
    try:
        delivery.klaviyo.make_known({str(field): address for field, address in row.addresses.items()})
    except NotAccepted as refusal:
        if not isinstance(refusal.outcome, Dead):
            raise
        for index in row.parts:
            detail = {"detail": refusal.outcome.detail, "error_id": refusal.outcome.error_id}
            delivery.reject(index, refusal.outcome.reason, detail)
        return False
    return True


_FIELDS: Final[tuple[Field, ...]] = ("email", "phone_number")


def without_outdated(
    delivery: Delivery, consents: Mapping[int, Consent], rows: Sequence[SubscriptionRow], list_id: str | None
) -> tuple[list[SubscriptionRow], set[int]]:
    """The rows of historical consents, each of one change and address, without the addresses that left later; and the
    changes of those that had left before.

    A change without any is done, and warned of. Klaviyo lifts an unsubscribe for every subscription, however old the
    consent (Klaviyo: bulk subscribe profiles). Raises NotAccepted.
    """
    kept: list[SubscriptionRow] = []
    returning: set[int] = set()
    for field in _FIELDS:
        told = {row.parts[0]: row for row in rows if field in row.addresses}
        left = _departures(delivery, field, told, list_id)
        gone = {index for index, at in left.items() if at >= datetime.fromisoformat(consents[index].consented_at or "")}
        for index in gone:
            delivery.warn(index, "consent_outdated")
        returning |= left.keys() - gone
        kept += [row for index, row in told.items() if index not in gone]
    outdated = {row.parts[0] for row in rows} - {row.parts[0] for row in kept}
    if outdated:
        log.info("batch %s: %d people left after they had consented; they stay left", delivery.batch.id, len(outdated))
    delivery.progress.sent.update(outdated)
    return [row for row in kept if row.parts[0] not in delivery.progress.rejected], returning


def _departures(
    delivery: Delivery, field: Field, told: Mapping[int, SubscriptionRow], list_id: str | None
) -> dict[int, datetime]:
    """By change; an address that Klaviyo does not look up costs its change only."""
    addresses = {index: row.addresses[field] for index, row in told.items()}
    found: dict[int, datetime] = {}

    def ask(portion: list[int]) -> None:
        left = delivery.klaviyo.departures(field, [addresses[index] for index in portion], list_id)
        found.update((index, left[addresses[index]]) for index in portion if addresses[index] in left)

    send(delivery, [list(addresses)] if addresses else [], ask, lambda: check(delivery, list_id))
    return found
