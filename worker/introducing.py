"""Introducing: Klaviyo is told of people before they subscribe without a list, which makes nobody known.

It takes such a subscription of somebody it does not know with a 202, and forgets it (seen live, 2026).
"""

from __future__ import annotations

from collections.abc import Sequence

from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Conflict, Dead
from worker.consent_rows import Row
from worker.delivery import Delivery

#: So many people, one request each, are introduced before they subscribe: at Klaviyo's 750 a minute a larger portion
#: could be throttled away each time it is begun anew.
AT_ONCE = 100


def introduced(delivery: Delivery, rows: Sequence[Row]) -> list[Row]:
    """The rows of those whom Klaviyo knows now; whoever it refuses is rejected with its reason. Raises NotAccepted."""
    return [known for row in rows for known in _introduced(delivery, row)]


def _introduced(delivery: Delivery, row: Row) -> list[Row]:
    try:
        delivery.klaviyo.make_known({str(field): address for field, address in row.addresses.items()})
    except NotAccepted as refusal:
        match refusal.outcome:
            case Conflict() | Dead() if len(row.addresses) > 1:  # two people, or only one of the addresses is wrong
                return introduced(delivery, row.single())
            case Dead(reason=reason, detail=detail, error_id=error_id):
                for index in row.parts:
                    delivery.reject(index, reason, {"detail": detail, "error_id": error_id})
                return []
        raise
    return [row]
