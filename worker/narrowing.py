"""Narrowing: what to send instead of a refused import, until every refusal has found the rows that deserve it."""

from __future__ import annotations

import logging

from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Bisect, RowError, Rows, Split
from worker.delivery import Delivery

log = logging.getLogger(__name__)


def narrow(delivery: Delivery, portion: list[int], refusal: NotAccepted) -> list[list[int]]:
    """The parts to send next; the last one goes first. Raises the refusal when it does not concern rows.

    Named rows are put aside and the rest goes again. Where Klaviyo names none, halving finds one bad row among n with
    about 2 log2 n requests, and all of them with at most 2n - 1.
    """
    match refusal.outcome:
        case Rows(errors=errors):
            return _without(delivery, portion, errors)
        case Bisect() | Split() if len(portion) > 1:
            half = len(portion) // 2
            return [portion[half:], portion[:half]]
        case Bisect() as outcome:
            delivery.reject(portion[0], outcome.code, _detail(outcome))
        case Split(why=why):
            delivery.reject(portion[0], why, {})
        case _:
            raise refusal
    return []


def _without(delivery: Delivery, portion: list[int], errors: tuple[RowError, ...]) -> list[list[int]]:
    for error in errors:
        delivery.reject(portion[error.index], error.code, _detail(error))
    named = {error.index for error in errors}
    rest = [person for i, person in enumerate(portion) if i not in named]
    log.warning(
        "batch %s: %d rows refused and put aside; the other %d go again at once",
        delivery.batch.id,
        len(named),
        len(rest),
    )
    return [rest] if rest else []


def _detail(error: RowError | Bisect) -> dict[str, str]:
    return {"detail": error.detail, "pointer": error.pointer, "error_id": error.error_id}
