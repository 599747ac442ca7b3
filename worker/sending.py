"""Sends the portions of a batch to Klaviyo in order, and narrows a refused portion until its bad rows are out.

Narrowing replaces a refused request by smaller ones until the rows at fault are found.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Bisect, Dead, HoldNeeded, Outcome, RowError, Rows, Split
from worker.delivery import Delivery

log = logging.getLogger(__name__)
#: Klaviyo's errors for one row.
Why = Sequence[RowError | Bisect | Split | Dead]
#: Handles a refused row; True: the row is sent again at once, without the refused part.
Refuse = Callable[[int, Why], bool]


def send(
    delivery: Delivery,
    portions: Iterable[Sequence[int]],
    ask: Callable[[list[int]], None],
    check: Callable[[], object],
    refuse: Refuse | None = None,
) -> None:
    """Send each portion of rows to Klaviyo, in order.

    `ask` sends a portion: it raises NotAccepted for a refusal, and records its progress. `check` is called once, before
    a refusal without named rows is blamed on a row or on the whole connection; it raises NotAccepted when neither is at
    fault: a 400 may mean a revision that is not served, and a 404 a deleted list. `refuse` handles a bad row; by
    default a row is the number of an intent, which is rejected. Raises NotAccepted for refusals that concern more than
    rows, LeaseLost.
    """
    stack = [list(portion) for portion in portions][::-1]
    in_order = False
    while stack:
        portion = stack.pop()
        try:
            ask(portion)
        except NotAccepted as refusal:
            if _names_nothing(refusal.outcome) and not in_order:
                check()
                in_order = True
            stack += narrow(delivery, portion, refusal, refuse or partial(reject, delivery))


def _names_nothing(outcome: Outcome) -> bool:
    match outcome:
        case Bisect() | HoldNeeded(reason="revision"):
            return True
    return False


def reject(delivery: Delivery, row: int, why: Why) -> bool:
    """Reject the intent whose number the row is. Always returns False."""
    match why[-1]:
        case Split(why=code):
            delivery.reject(row, code, {})
        case Dead(reason=reason) as dead:
            delivery.reject(row, reason, {"detail": dead.detail, "error_id": dead.error_id})
        case error:
            detail = {"detail": error.detail, "pointer": error.pointer, "error_id": error.error_id}
            delivery.reject(row, error.code, detail)
    return False


def narrow(delivery: Delivery, portion: list[int], refusal: NotAccepted, refuse: Refuse) -> list[list[int]]:
    """Return the parts to send next, the last one first. Raises the refusal when it does not concern rows.

    Named rows are refused and the rest is sent again. When Klaviyo names no row, halving finds one bad row among n with
    about 2 log2 n requests, and all bad rows with at most 2n - 1.
    """
    match refusal.outcome:
        case Rows(errors=errors):
            return _without(delivery, portion, errors, refuse)
        case Bisect() | Split() | Dead() if len(portion) > 1:
            half = len(portion) // 2
            return [portion[half:], portion[:half]]
        case Bisect() | Split() | Dead() as outcome:
            return [portion] if refuse(portion[0], [outcome]) else []
    raise refusal


def _without(delivery: Delivery, portion: list[int], errors: tuple[RowError, ...], refuse: Refuse) -> list[list[int]]:
    named: dict[int, list[RowError]] = {}
    for error in errors:
        named.setdefault(error.index, []).append(error)
    rest = [row for i, row in enumerate(portion) if i not in named or refuse(row, named[i])]
    log.warning(
        "batch %s: %d rows refused, %d of them left out; the other %d are sent again at once",
        delivery.batch.id,
        len(named),
        len(portion) - len(rest),
        len(rest),
    )
    return [rest] if rest else []
