"""Unsubscribes people, and never from everything by accident.

Klaviyo unsubscribes a person who is not on the list of the request from everything. So everybody is looked up first,
and only members are sent, each in one row.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from klaviyo.lookups import Field
from klaviyo.subscriptions import MAX_UNSUBSCRIBED, unsubscription
from mappings.consent import Consent
from worker.consents.rows import SubscriptionRow, list_may_be_gone, members_of, rows_of, send_rows
from worker.consents.supersede import Addresses
from worker.delivery import Delivery

log = logging.getLogger(__name__)

_NOT_ALLOWED: Final = (
    "an unsubscribe without a list unsubscribes the person from everything: set allow_global_unsubscribe = true for "
    "the connection in connections.toml and replay, or add a list to the unsubscribe at its source"
)


def unsubscribe(delivery: Delivery, consents: Mapping[int, Consent], leaving: Mapping[int, Addresses]) -> None:
    """Unsubscribe these addresses, by change. Raises NotAccepted, LeaseLost."""
    by_list: defaultdict[str | None, dict[int, Addresses]] = defaultdict(dict)
    for index, addresses in leaving.items():
        by_list[consents[index].list_id][index] = addresses
    for list_id, concerned in by_list.items():
        if list_id is not None:
            _from_list(delivery, list_id, concerned)
        elif delivery.to.allow_global_unsubscribe:
            _send(delivery, [row for each in concerned.items() for row in rows_of(*each)], None)
        else:
            delivery.reject_all(list(concerned), "global_unsubscribe_not_allowed", {"detail": _NOT_ALLOWED})


def _from_list(delivery: Delivery, list_id: str, concerned: dict[int, Addresses]) -> None:
    with list_may_be_gone(delivery, list(concerned)):
        rows = _members(delivery, list_id, concerned)
        found = {index for row in rows for index in row.parts}
        for index in concerned.keys() - found - delivery.progress.rejected.keys():
            delivery.warn(index, "not_a_member")
        _send(delivery, rows, list_id)


def _send(delivery: Delivery, rows: list[SubscriptionRow], list_id: str | None) -> None:
    def ask(portion: list[SubscriptionRow]) -> None:
        found = [unsubscription(row.addresses.get("email"), row.addresses.get("phone_number")) for row in portion]
        delivery.klaviyo.unsubscribe(found, list_id)
        fields = {"stage": "uploaded", "people": len(portion)}
        log.info(
            "batch %s: %d people unsubscribe from %s",
            delivery.batch.id,
            len(portion),
            list_id or "everything",
            extra={"fields": fields},
        )

    send_rows(delivery, rows, MAX_UNSUBSCRIBED, list_id, ask)


def _members(delivery: Delivery, list_id: str, concerned: dict[int, Addresses]) -> list[SubscriptionRow]:
    """Return a row for each profile on the list, with both addresses when both lead to it.

    With two rows for one profile, the first would take it off the list and the second unsubscribe it from everything.
    """
    fields: tuple[Field, ...] = ("email", "phone_number")
    found = {field: members_of(delivery, list_id, field, concerned) for field in fields}
    rows: dict[str, SubscriptionRow] = {}
    for field, profile_ids in found.items():
        for index, profile_id in profile_ids.items():
            if index not in delivery.progress.rejected:
                row = rows.setdefault(profile_id, SubscriptionRow({}, {}))
                row.addresses[field] = concerned[index][field]
                row.wanted.setdefault(field, []).append(index)
    return list(rows.values())
