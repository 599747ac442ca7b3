"""Subscribes people who gave consent; membership alone never subscribes anybody.

Introducing: before a subscription without a list, Ferry creates the profiles that Klaviyo does not know. Klaviyo
answers 202 to a subscription of an unknown person and drops it (seen live, 2026).

Outdated: an earlier consent subscribes nobody who has unsubscribed at Klaviyo since.

Passed on: the consent of a person who entered an audience carries the audience's list, which the person is already on.
It is sent without the list, because a subscription to a list also adds people to it who have left the audience
meanwhile. Only for people who had unsubscribed from the list and are still on it, the list is sent: that lifts the
unsubscribe.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from klaviyo.errors import NotAccepted
from klaviyo.lookups import Field
from klaviyo.outcomes import Dead
from klaviyo.subscriptions import MAX_SUBSCRIBED, subscription
from mappings.consent import Consent
from worker.attaching import attach
from worker.consents.rows import PASSED_ON, SubscriptionRow, check, list_may_be_gone, members_of, rows_of, send_rows
from worker.consents.supersede import Addresses, every_address
from worker.delivery import Delivery
from worker.sending import send

log = logging.getLogger(__name__)
#: People introduced before they are subscribed together, with one request for each address. Klaviyo allows 750 a
#: minute: a larger portion could be throttled again at each retry and never finish.
AT_ONCE = 100
_FIELDS: Final[tuple[Field, ...]] = ("email", "phone_number")


class _Terms(NamedTuple):
    """The values that all people of one request share."""

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
    """Return (list, rows) of these changes, without people who cannot or must not be subscribed."""
    rows = [row for each in joining.items() for row in rows_of(*each)]
    returning: set[int] = set()
    if terms.historical:
        rows, returning = without_outdated(delivery, consents, rows, terms.list_id)
    attached = attach(delivery, _with_others(_of_both(rows), consents))
    if terms.list_id is None and not terms.historical:
        rows = [row for row in rows if row.parts[0] in attached or is_known(delivery, row)]
    return _by_list(delivery, rows, returning, terms.list_id)


def _by_list(
    delivery: Delivery, rows: list[SubscriptionRow], returning: set[int], list_id: str | None
) -> list[tuple[str | None, list[SubscriptionRow]]]:
    """Split the rows by list or no list: see *Passed on* above. All rows of a change are in one part."""
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
    """Return the remaining addresses of each change."""
    left: defaultdict[int, Addresses] = defaultdict(dict)
    for row in rows:
        left[row.parts[0]] |= row.addresses
    return left


def _with_others(left: Mapping[int, Addresses], consents: Mapping[int, Consent]) -> dict[int, Addresses]:
    """Return the addresses of each change with the one that its channels leave out, which is the same person's."""
    return {index: every_address(consents[index]) if consents[index].channels else each for index, each in left.items()}


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


def is_known(delivery: Delivery, row: SubscriptionRow) -> bool:
    """Make the row's address known to Klaviyo; reject the changes and return False if refused. Raises NotAccepted."""
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


def without_outdated(
    delivery: Delivery, consents: Mapping[int, Consent], rows: Sequence[SubscriptionRow], list_id: str | None
) -> tuple[list[SubscriptionRow], set[int]]:
    """Return the rows of historical consents without addresses that unsubscribed later, and the changes of addresses
    that had unsubscribed before.

    Each row has one change and one address. A change without any row left is done, with a warning. Klaviyo lifts an
    unsubscribe for every subscription, however old the consent (Klaviyo: bulk subscribe profiles). Raises NotAccepted.
    """
    kept: list[SubscriptionRow] = []
    returning: set[int] = set()
    for field in _FIELDS:
        by_change = {row.parts[0]: row for row in rows if field in row.addresses}
        left = _departures(delivery, field, by_change, list_id)
        gone = {index for index, at in left.items() if at >= datetime.fromisoformat(consents[index].consented_at or "")}
        for index in gone:
            delivery.warn(index, "consent_outdated")
        returning |= left.keys() - gone
        kept += [row for index, row in by_change.items() if index not in gone]
    outdated = {row.parts[0] for row in rows} - {row.parts[0] for row in kept}
    if outdated:
        log.info("batch %s: %d people left after they had consented; they stay out", delivery.batch.id, len(outdated))
    delivery.progress.sent.update(outdated)
    return [row for row in kept if row.parts[0] not in delivery.progress.rejected], returning


def _departures(
    delivery: Delivery, field: Field, rows: Mapping[int, SubscriptionRow], list_id: str | None
) -> dict[int, datetime]:
    """Return the unsubscribe times, by change; an address that Klaviyo refuses fails its change only."""
    addresses = {index: row.addresses[field] for index, row in rows.items()}
    found: dict[int, datetime] = {}

    def ask(portion: list[int]) -> None:
        left = delivery.klaviyo.departures(field, [addresses[index] for index in portion], list_id)
        found.update((index, left[addresses[index]]) for index in portion if addresses[index] in left)

    send(delivery, [list(addresses)] if addresses else [], ask, lambda: check(delivery, list_id))
    return found
