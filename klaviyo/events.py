"""Events in bulk (Klaviyo: bulk create events)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from klaviyo.calls import Caller, checked_rows, send_rows
from klaviyo.endpoints import BULK_EVENTS

#: The most events in one request, and the most bytes of them.
MAX_EVENTS = 1_000


def create(call: Caller, rows: Sequence[bytes]) -> None:
    """Record events. `rows`: encoded elements of `events-bulk-create.data`, each with one profile and one event.

    Klaviyo answers 202 and offers no job to poll. When two rows have profile, metric and `unique_id` in common, Klaviyo
    refuses all rows. Raises ValueError for no rows or more than Klaviyo takes, and NotAccepted.
    """
    events = {"events-bulk-create": {"data": [msgspec.Raw(row) for row in rows]}}
    body = msgspec.json.encode({"data": {"type": "event-bulk-create-job", "attributes": events}})
    send_rows(call, BULK_EVENTS, checked_rows(body, len(rows), MAX_EVENTS), len(rows))
