"""Removing: those who left are taken off the list, after everybody who joined has been imported.

By relationship, never by unsubscribing: that would change the consent of people who only left an audience.
"""

from __future__ import annotations

import logging

from worker.delivery import Delivery
from worker.list_of import list_of
from worker.people import identifiers

log = logging.getLogger(__name__)


def remove(delivery: Delivery) -> None:
    """Look the leavers up on the list and remove those who are there. Raises NotAccepted, LeaseLost."""
    wanted: dict[str, list[str]] = {"email": [], "phone_number": [], "external_id": []}
    leaving = 0
    for person, intent in delivery.intents.items():
        if intent.membership == "remove" and person not in delivery.progress.rejected:
            leaving += 1
            for name, value in identifiers(delivery, person):
                wanted[name].append(value)
    list_id = list_of(delivery, create=False) if leaving else None
    if list_id is None:  # nobody leaves, or there is no list that anybody could be on
        return
    klaviyo = delivery.klaviyo
    ids = {id_ for name in ("email", "phone_number") for id_ in klaviyo.members(list_id, name, wanted[name])}
    ids.update(klaviyo.profiles_by_external_id(wanted["external_id"]))
    klaviyo.remove_members(list_id, sorted(ids))
    log.info(
        "batch %s: %d people left, %d of them were on list %s and are removed",
        delivery.batch.id,
        leaving,
        len(ids),
        list_id,
        extra={"fields": {"stage": "removed", "people": leaving, "on_list": len(ids)}},
    )
