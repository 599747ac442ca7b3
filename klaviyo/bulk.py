"""What all bulk requests share: their caps, cutting rows into requests, and refusals that name only sent rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from klaviyo.calls import Caller
from klaviyo.endpoints import Endpoint
from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Bisect, Outcome, Rows

#: Klaviyo takes 5 MB a request; the margin allows for differences in how Klaviyo counts bytes.
MAX_BODY = 4_500_000
#: For `chunks`: bytes of rows that stay under MAX_BODY together with the rest of the request.
MAX_ROW_BYTES = MAX_BODY - 1_000


def checked(body: bytes, rows: int, max_rows: int) -> bytes:
    """Return `body`, which carries `rows` rows. Raises ValueError for no rows or more than Klaviyo takes at once."""
    if not 0 < rows <= max_rows:
        raise ValueError(f"The request takes 1 to {max_rows} rows, not {rows}: cut them with chunks().")
    if len(body) > MAX_BODY:
        raise ValueError(f"The request takes {MAX_BODY} bytes, not {len(body)}: cut the rows with chunks().")
    return body


def send(call: Caller, endpoint: Endpoint, body: bytes, rows: int) -> dict[str, Any]:
    """Return the document of an accepted request with `rows` rows. Raises NotAccepted; its Rows name only these."""
    try:
        return call(endpoint, body=body)
    except NotAccepted as refusal:
        outcome = _explain(refusal.outcome, rows)
        if outcome is refusal.outcome:
            raise
        raise NotAccepted(refusal.endpoint, outcome) from None


def _explain(outcome: Outcome, sent: int) -> Outcome:
    """Return the refusal without errors about rows that were not sent."""
    if isinstance(outcome, Rows):
        errors = tuple(error for error in outcome.errors if error.index < sent)
        first = outcome.errors[0]
        outcome = Rows(errors) if errors else Bisect(first.code, first.detail, first.pointer, first.error_id)
    return outcome


Item = TypeVar("Item")


def chunks(
    items: Sequence[Item],
    max_items: int,
    max_bytes: int,
    size: Callable[[Item], int] = len,  # type: ignore[assignment]  # for items that have a length
) -> Iterator[Sequence[Item]]:
    """Yield consecutive, non-empty parts of `items`, each as long as the caps allow.

    `size(item)` is its length in bytes; one byte is added for the comma. An item larger than `max_bytes` becomes a
    separate part, which the caller has to handle.
    """
    start = used = 0
    for index, item in enumerate(items):
        cost = size(item) + 1
        if index > start and (index - start >= max_items or used + cost > max_bytes):
            yield items[start:index]
            start, used = index, 0
        used += cost
    if start < len(items):
        yield items[start:]
