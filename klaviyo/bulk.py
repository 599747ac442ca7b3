"""What all bulk requests have in common: their caps, and refusals that blame only rows that were sent.

Cutting a sequence into requests that stay under Klaviyo's caps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from klaviyo.calls import Caller
from klaviyo.endpoints import Endpoint
from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Bisect, Outcome, Rows

#: Klaviyo takes 5 MB a request; the margin is for what is counted differently there.
MAX_BODY = 4_500_000
#: For `chunks`: the bytes of rows that, with what is put around them, stay under MAX_BODY.
MAX_ROW_BYTES = MAX_BODY - 1_000


def checked(body: bytes, rows: int, max_rows: int) -> bytes:
    """`body`, which carries `rows` rows. Raises ValueError for no rows, and for more than Klaviyo takes at once."""
    if not 0 < rows <= max_rows:
        raise ValueError(f"The request takes 1 to {max_rows} rows, not {rows}: cut them with chunks().")
    if len(body) > MAX_BODY:
        raise ValueError(f"The request takes {MAX_BODY} bytes, not {len(body)}: cut the rows with chunks().")
    return body


def send(call: Caller, endpoint: Endpoint, body: bytes, rows: int) -> dict[str, Any]:
    """The document of an accepted request with `rows` rows. Raises NotAccepted; Rows name only rows among these."""
    try:
        return call(endpoint, body=body)
    except NotAccepted as refusal:
        outcome = _explain(refusal.outcome, rows)
        if outcome is refusal.outcome:
            raise
        raise NotAccepted(refusal.endpoint, outcome) from None


def _explain(outcome: Outcome, sent: int) -> Outcome:
    """The refusal, made safe to act on."""
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
    """Consecutive, non-empty parts of `items`, each as long as the caps allow.

    `size(item)` is its length in bytes, one more is counted for the comma. An item larger than `max_bytes`
    gets a part of its own: the caller knows what to do with it.
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
