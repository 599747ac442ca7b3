"""Introducing: Klaviyo is told of people before they subscribe without a list, which makes nobody known.

It takes such a subscription of somebody it does not know with a 202, and forgets it (seen live, 2026).
"""

from __future__ import annotations

from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Dead
from worker.consent_rows import Row
from worker.delivery import Delivery

#: So many people, one request for each of their addresses, are introduced before they subscribe: at Klaviyo's 750 a
#: minute a larger portion could be throttled away each time it is begun anew.
AT_ONCE = 100


def is_known(delivery: Delivery, row: Row) -> bool:
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
